-- The driving forces' indicators by size class, in all activities together, where more than one size class is published.
-- of: ict_adoption
-- part: region
-- key: indicator, unit, sector, size_class, time_period, source
with published as (
    select
        adoption.*,
        count(adoption.share) over (
            partition by adoption.region, adoption.indicator, adoption.unit, adoption.sector, adoption.time_period,
                adoption.source
        ) as sizes
    from main.ict_adoption as adoption
    inner join lake.codelist_driving_force_parts as parts
        on adoption.indicator = parts.indicator and adoption.unit = parts.unit
    where adoption.sector in (select total from lake.codelist_sector_partition_parts)
        and adoption.size_class <> '_Z'
)

select
    region,
    indicator,
    unit,
    sector,
    size_class,
    time_period,
    source,
    publisher,
    share,
    flags,
    provenance,
    substring("snapshot", 1, 16) as "snapshot",
    cell
from published
where sizes > 1
order by region, indicator, unit, sector, size_class, time_period, source
