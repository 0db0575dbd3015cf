-- One indicator in every country and NUTS 2 region, in all activities together: lines, rankings and maps.
-- part: indicator
-- key: unit, region, size_class, sector, time_period, source
select
    indicator,
    unit,
    region,
    size_class,
    sector,
    time_period,
    source,
    publisher,
    share,
    flags,
    provenance,
    substring("snapshot", 1, 16) as "snapshot",
    cell
from main.ict_adoption
where region_level in ('country', 'aggregate', 'nuts2')
    and sector in ('C10-S951_X_K', 'INE_TOTAL', '_Z')
    and size_class in ('GE10', '_Z')
order by indicator, unit, region, size_class, sector, time_period, source
