-- Estimates of a region's size classes, in all activities together, with their intervals. No source publishes these.
-- of: adoption_estimate
-- part: region
-- key: indicator, unit, sector, size_class, time_period, publisher
select
    region,
    indicator,
    unit,
    sector,
    size_class,
    time_period,
    publisher,
    share,
    interval_low,
    interval_high,
    reliability,
    refusal,
    flags,
    provenance
from main.adoption_estimate
where kind = 'sizes' and sector in (select total from lake.codelist_sector_partition_parts)
order by region, indicator, unit, sector, size_class, time_period, publisher
