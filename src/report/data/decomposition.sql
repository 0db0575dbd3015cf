-- How much of a region's gap to its country comes from its activities and how much from adoption within them.
-- of: gap_decomposition
-- part: region
-- key: indicator, unit, sector, time_period, publisher
select
    gaps.region,
    gaps.indicator,
    gaps.unit,
    gaps.sector,
    gaps.time_period,
    gaps.publisher,
    gaps.share,
    gaps.country_share,
    gaps.gap_points,
    gaps.weights_status,
    gaps.sectors,
    gaps.weights_dataset,
    gaps.weights_year,
    gaps.mix_points,
    gaps.within_points,
    gaps.unexplained_points,
    gaps.flags,
    own.provenance,
    country.provenance as country_provenance,
    country.flags as country_flags,
    gaps.provenance as row_provenance,
    substring(gaps."snapshot", 1, 16) as "snapshot",
    gaps.cell,
    substring(gaps.country_snapshot, 1, 16) as country_snapshot,
    gaps.country_cell
from main.gap_decomposition as gaps
left join lake.observations as own on gaps."snapshot" = own."snapshot" and gaps.cell = own.cell
left join lake.observations as country
    on gaps.country_snapshot = country."snapshot" and gaps.country_cell = country.cell
where gaps.size_class = 'GE10' and gaps.weights_status = 'complete'
order by gaps.region, gaps.indicator, gaps.unit, gaps.sector, gaps.time_period, gaps.publisher
