-- How many enterprises each sector of the surveys has, by region and year: as counted, or added up from sections or from
-- divisions where all of these are counted. Group 95.1 is counted in no table and left out of sums of divisions.
-- grain: dataset, indicator, size_basis, region, sector_scheme, sector, time_year
-- column dataset: the table with the counts
-- column indicator: what is counted
-- column size_basis: the enterprises that are counted, by size
-- column basis_place: the lower number is nearer to the enterprises that the survey asks
-- column region: NUTS 2024 or country code
-- column sector_scheme: classification
-- column sector: a sector of the surveys
-- column time_year: year of reference
-- column component_level: what was added up: same, section or division
-- column enterprises: how many
-- column cells: the cells that were added up, each as snapshot:cell
-- column provenance: official if all cells are, otherwise synthetic
-- audit: enterprises >= 0
with components as (
    select sector_scheme, sector, component_level, level_place, component,
        count(*) over (partition by sector_scheme, sector, component_level) as components
    from intermediate.int_sector_components
    where component <> 'S951' or component_level = 'same'
),

sums as (
    select
        counts.dataset,
        counts.indicator,
        counts.size_basis,
        counts.basis_place,
        counts.region,
        components.sector_scheme,
        components.sector,
        counts.time_year,
        components.component_level,
        components.level_place,
        cast(sum(counts.enterprises) as bigint) as enterprises,
        string_agg(counts.cells, ' ' order by components.component) as cells,
        max(counts.provenance) as provenance
    from intermediate.int_enterprise_counts as counts
    inner join components
        on counts.sector_scheme = components.sector_scheme and counts.sector = components.component
    group by
        counts.dataset, counts.indicator, counts.size_basis, counts.basis_place, counts.region, components.sector_scheme,
        components.sector, counts.time_year, components.component_level, components.level_place, components.components
    having count(*) = components.components
),

ranked as (
    select
        sums.*,
        row_number() over (
            partition by dataset, indicator, size_basis, region, sector_scheme, sector, time_year
            order by level_place
        ) as choice
    from sums
)

select
    dataset,
    indicator,
    size_basis,
    basis_place,
    region,
    sector_scheme,
    sector,
    time_year,
    component_level,
    enterprises,
    cells,
    provenance
from ranked
where choice = 1
