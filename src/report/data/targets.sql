-- The targets of the Digital Decade in a region or country: how far, at which pace, until when.
-- part: region
-- key: target_measure, publisher
select
    region,
    target_measure,
    target,
    target_name_es as name_es,
    target_name_en as name_en,
    measure,
    target_share,
    target_year,
    publisher,
    indicator,
    unit,
    size_class,
    time_period,
    share,
    distance_points,
    needed_points_per_year,
    trend_points_per_year,
    trend_points,
    reached_in_year,
    reached_from_year,
    reached_to_year,
    status,
    interval_status,
    flags,
    provenance,
    substring("snapshot", 1, 16) as "snapshot",
    cell,
    cells
from main.digital_decade
order by region, target_measure, publisher
