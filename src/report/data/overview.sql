-- What the overview of a region shows: each driving force by its lead indicator, in all activities together, every year.
-- part: region
-- key: force, indicator, unit, time_period, publisher
select
    region,
    force,
    status,
    indicator,
    unit,
    sector,
    size_class,
    time_period,
    publisher,
    share,
    change_points,
    rank_in_country,
    regions_in_country,
    country_share,
    gap_to_country_points,
    eu_share,
    gap_to_eu_points,
    best_region,
    best_share,
    years_behind_country,
    years_behind_country_status,
    flags,
    provenance,
    substring("snapshot", 1, 16) as "snapshot",
    cell,
    substring(previous_snapshot, 1, 16) as previous_snapshot,
    previous_cell,
    substring(country_snapshot, 1, 16) as country_snapshot,
    country_cell,
    substring(eu_snapshot, 1, 16) as eu_snapshot,
    eu_cell,
    substring(best_snapshot, 1, 16) as best_snapshot,
    best_cell,
    substring(country_before_snapshot, 1, 16) as country_before_snapshot,
    country_before_cell,
    substring(country_after_snapshot, 1, 16) as country_after_snapshot,
    country_after_cell
from main.driving_forces
where role in ('lead', 'none')
    and size_class in ('GE10', '_Z')
    and sector in ('C10-S951_X_K', 'INE_TOTAL', '_Z')
order by region, force_position, time_period, publisher, indicator, unit, sector, size_class
