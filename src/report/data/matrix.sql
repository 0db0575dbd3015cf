-- One indicator by region and activity, of one country and its NUTS 2 regions: the heat map. Only countries whose regions
-- have figures.
-- of: ict_adoption
-- part: indicator, country
-- key: unit, region, sector, time_period, source
select
    adoption.indicator,
    regions.country,
    adoption.unit,
    adoption.region,
    adoption.sector,
    adoption.sector_scheme,
    adoption.time_period,
    adoption.source,
    adoption.publisher,
    adoption.preferred,
    adoption.share,
    adoption.flags,
    adoption.provenance,
    substring(adoption."snapshot", 1, 16) as "snapshot",
    adoption.cell
from main.ict_adoption as adoption
inner join lake.codelist_regions as regions on adoption.region = regions.code
where adoption.region_level in ('country', 'nuts2')
    and adoption.size_class = 'GE10'
    and exists (
        select 1
        from main.ict_adoption as regional
        inner join lake.codelist_regions as parents on regional.region = parents.code
        where regional.region_level = 'nuts2'
            and regional.size_class = 'GE10'
            and regional.share is not null
            and regional.indicator = adoption.indicator
            and parents.country = regions.country
    )
order by adoption.indicator, regions.country, adoption.unit, adoption.region, adoption.sector, adoption.time_period,
    adoption.source
