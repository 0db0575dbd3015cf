-- Values that look wrong, at most 2,000 of the newest years; all of them are in the mart `data_anomalies`.
-- of: data_anomalies
-- key: anomaly, source, region, sector, sector_scheme, size_class, indicator, unit, time_period
select
    anomaly,
    source,
    dataset,
    region,
    sector,
    sector_scheme,
    size_class,
    indicator,
    unit,
    time_period,
    share,
    flags,
    previous_share,
    lowest_share,
    highest_share,
    provenance,
    substring("snapshot", 1, 16) as "snapshot",
    cell,
    substring(previous_snapshot, 1, 16) as previous_snapshot,
    previous_cell,
    substring(lowest_snapshot, 1, 16) as lowest_snapshot,
    lowest_cell,
    substring(highest_snapshot, 1, 16) as highest_snapshot,
    highest_cell
from main.data_anomalies
order by time_period desc, anomaly, source, region, sector, sector_scheme, size_class, indicator, unit
limit 2000
