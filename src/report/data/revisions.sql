-- The newest revisions, at most 2,000; all of them are in the mart `revisions`.
-- of: revisions
-- key: source, dataset, indicator, region, sector, sector_scheme, size_class, unit, time_period, vintage
select
    source,
    dataset,
    indicator,
    region,
    sector,
    sector_scheme,
    size_class,
    unit,
    time_period,
    vintage,
    cast(vintage as date) as "day",
    "change",
    old_value,
    new_value,
    difference,
    old_flags,
    new_flags,
    provenance,
    substring(old_snapshot, 1, 16) as old_snapshot,
    old_cell,
    substring("snapshot", 1, 16) as "snapshot",
    cell
from main.revisions
order by vintage desc, source, dataset, indicator, region, sector, sector_scheme, size_class, unit, time_period
limit 2000
