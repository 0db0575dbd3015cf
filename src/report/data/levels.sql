-- One indicator in every country and NUTS 2 region, in all activities together: lines, rankings and maps. Only values of one
-- segment can be joined by a line: another begins where the source or the codelist of breaks says so.
-- of: ict_adoption
-- part: indicator
-- key: unit, region, size_class, sector, time_period, source
select
    adoption.indicator,
    adoption.unit,
    adoption.region,
    adoption.size_class,
    adoption.sector,
    adoption.time_period,
    adoption.source,
    adoption.publisher,
    adoption.share,
    series.segment,
    adoption.flags,
    adoption.provenance,
    substring(adoption."snapshot", 1, 16) as "snapshot",
    adoption.cell
from main.ict_adoption as adoption
left join intermediate.int_series as series
    on adoption.publisher = series.publisher
    and adoption.indicator = series.indicator
    and adoption.unit = series.unit
    and adoption.size_class = series.size_class
    and adoption.sector_scheme = series.sector_scheme
    and adoption.sector = series.sector
    and adoption.region = series.region
    and adoption.time_period = cast(series.time_year as varchar)
where adoption.region_level in ('country', 'aggregate', 'nuts2')
    and adoption.sector in (select total from lake.codelist_sector_partition_parts union all select '_Z')
    and adoption.size_class in ('GE10', '_Z')
order by adoption.indicator, adoption.unit, adoption.region, adoption.size_class, adoption.sector, adoption.time_period,
    adoption.source
