-- Cells of which two sources give different figures, at most 2,000 of the newest years; all of them are in the mart
-- `source_disagreements`.
-- of: source_disagreements
-- key: region, sector, sector_scheme, size_class, indicator, unit, time_period, other_source, other_dataset
select
    region,
    sector,
    sector_scheme,
    size_class,
    indicator,
    unit,
    time_period,
    share,
    other_share,
    difference,
    source,
    dataset,
    substring("snapshot", 1, 16) as "snapshot",
    cell,
    other_source,
    other_dataset,
    substring(other_snapshot, 1, 16) as other_snapshot,
    other_cell,
    provenance
from main.source_disagreements
order by time_period desc, abs(difference) desc, region, sector, sector_scheme, size_class, indicator, unit, other_source,
    other_dataset
limit 2000
