-- What the overview of a region shows: each driving force by its lead indicator, in all activities together, every year.
-- The mart's provenance is that of all figures of a row; here each figure has its own, and the row's goes to the gaps.
-- of: driving_forces
-- part: region
-- key: force, indicator, unit, time_period, publisher
select
    forces.region,
    forces.force,
    forces.status,
    forces.indicator,
    forces.unit,
    forces.sector,
    forces.size_class,
    forces.time_period,
    forces.publisher,
    forces.share,
    series.segment,
    forces.change_points,
    forces.rank_in_country,
    forces.regions_in_country,
    forces.country_share,
    forces.gap_to_country_points,
    forces.eu_share,
    forces.gap_to_eu_points,
    forces.best_region,
    forces.best_share,
    forces.years_behind_country,
    forces.years_behind_country_status,
    forces.flags,
    own.provenance,
    forces.provenance as row_provenance,
    substring(forces."snapshot", 1, 16) as "snapshot",
    forces.cell,
    substring(forces.previous_snapshot, 1, 16) as previous_snapshot,
    forces.previous_cell,
    substring(forces.country_snapshot, 1, 16) as country_snapshot,
    forces.country_cell,
    country.flags as country_flags,
    country.provenance as country_provenance,
    substring(forces.eu_snapshot, 1, 16) as eu_snapshot,
    forces.eu_cell,
    eu.flags as eu_flags,
    eu.provenance as eu_provenance,
    substring(forces.best_snapshot, 1, 16) as best_snapshot,
    forces.best_cell,
    best.flags as best_flags,
    best.provenance as best_provenance,
    substring(forces.country_before_snapshot, 1, 16) as country_before_snapshot,
    forces.country_before_cell,
    substring(forces.country_after_snapshot, 1, 16) as country_after_snapshot,
    forces.country_after_cell
from main.driving_forces as forces
left join lake.observations as own on forces."snapshot" = own."snapshot" and forces.cell = own.cell
left join lake.observations as country
    on forces.country_snapshot = country."snapshot" and forces.country_cell = country.cell
left join lake.observations as eu on forces.eu_snapshot = eu."snapshot" and forces.eu_cell = eu.cell
left join lake.observations as best on forces.best_snapshot = best."snapshot" and forces.best_cell = best.cell
left join intermediate.int_series as series
    on forces.publisher = series.publisher
    and forces.indicator = series.indicator
    and forces.unit = series.unit
    and forces.size_class = series.size_class
    and forces.sector_scheme = series.sector_scheme
    and forces.sector = series.sector
    and forces.region = series.region
    and forces.time_period = cast(series.time_year as varchar)
where forces.role in ('lead', 'none')
    and forces.size_class in ('GE10', '_Z')
    and forces.sector in (select total from lake.codelist_sector_partition_parts union all select '_Z')
order by forces.region, forces.force_position, forces.time_period, forces.publisher, forces.indicator, forces.unit,
    forces.sector, forces.size_class
