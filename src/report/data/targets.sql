-- The targets of the Digital Decade in a region or country: how far, at which pace, until when.
-- The level's provenance is its own; that of its pace, of all the years together.
-- of: digital_decade
-- part: region
-- key: target_measure, publisher
select
    targets.region,
    targets.target_measure,
    targets.target,
    targets.target_name_es as name_es,
    targets.target_name_en as name_en,
    targets.measure,
    targets.target_share,
    targets.target_year,
    targets.publisher,
    targets.indicator,
    targets.unit,
    targets.size_class,
    targets.time_period,
    targets.share,
    targets.distance_points,
    targets.needed_points_per_year,
    targets.trend_points_per_year,
    targets.trend_points,
    targets.reached_in_year,
    targets.reached_from_year,
    targets.reached_to_year,
    targets.status,
    targets.interval_status,
    targets.flags,
    own.provenance,
    targets.provenance as row_provenance,
    substring(targets."snapshot", 1, 16) as "snapshot",
    targets.cell,
    targets.cells
from main.digital_decade as targets
left join lake.observations as own on targets."snapshot" = own."snapshot" and targets.cell = own.cell
order by targets.region, targets.target_measure, targets.publisher
