-- Everything that is measured in one region, by activity: the page of an activity sets it beside the country's.
-- of: ict_adoption
-- part: region
-- key: indicator, unit, sector, time_period, source
select
    adoption.region,
    adoption.indicator,
    adoption.unit,
    adoption.sector,
    adoption.time_period,
    adoption.source,
    adoption.publisher,
    adoption.share,
    adoption.flags,
    adoption.provenance,
    substring(adoption."snapshot", 1, 16) as "snapshot",
    adoption.cell
from main.ict_adoption as adoption
inner join lake.codelist_driving_force_parts as parts
    on adoption.indicator = parts.indicator and adoption.unit = parts.unit
where adoption.size_class = 'GE10'
    and adoption.preferred
    and adoption.region_level in ('country', 'nuts2')
order by adoption.region, adoption.indicator, adoption.unit, adoption.sector, adoption.time_period, adoption.source
