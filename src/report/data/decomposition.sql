-- How much of a region's gap to its country comes from its activities and how much from adoption within them.
-- part: region
-- key: indicator, unit, sector, time_period, publisher
select
    region,
    indicator,
    unit,
    sector,
    time_period,
    publisher,
    share,
    country_share,
    gap_points,
    weights_status,
    sectors,
    weights_dataset,
    weights_year,
    mix_points,
    within_points,
    unexplained_points,
    flags,
    provenance,
    substring("snapshot", 1, 16) as "snapshot",
    cell,
    substring(country_snapshot, 1, 16) as country_snapshot,
    country_cell
from main.gap_decomposition
where size_class = 'GE10' and weights_status = 'complete'
order by region, indicator, unit, sector, time_period, publisher
