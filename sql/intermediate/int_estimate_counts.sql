-- How many enterprises there are of each sector, also by size, in Spain and its NUTS 2 regions: what the rates of an
-- estimate are multiplied with. By size are INE's strata of employees, which lean on persons employed. The total of all
-- activities is the sum of its nine sectors, where all of them are counted.
-- grain: dataset, indicator, size_basis, size_class, region, sector, time_year
-- column dataset: the table with the counts
-- column indicator: what is counted: enterprises or local units
-- column size_basis: the enterprises that are counted, by size: GE10, EMPL_GE10 or TOTAL
-- column basis_place: the lower number is nearer to the enterprises that the survey asks
-- column size_class: the size class that the counts weigh
-- column region: NUTS 2 region or country
-- column sector: a sector of the surveys, a part of one, or the total
-- column time_year: year of reference
-- column enterprises: how many
-- column cells: the cells that were added up, each as snapshot:cell
-- column provenance: official if all cells are, otherwise synthetic
-- audit: enterprises >= 0
with regions as (
    select region
    from staging.stg_regions
    where region = 'ES' or (region_level = 'nuts2' and country = 'ES')
),

classed as (
    select
        observations.dataset,
        observations.indicator,
        case
            when observations.size_class in ('EMPL_10-19', 'EMPL_20-49') then '10-49'
            when observations.size_class in ('EMPL_50-99', 'EMPL_100-199', 'EMPL_200-249') then '50-249'
            else 'GE250'
        end as size_class,
        observations.region,
        observations.sector_scheme,
        observations.sector,
        cast(observations.time_period as integer) as time_year,
        cast(observations.observed_value as decimal(18, 0)) as enterprises,
        observations."snapshot" || ':' || cast(observations.cell as varchar) as cell,
        observations.provenance
    from staging.stg_observations as observations
    inner join staging.stg_denominators as denominators on observations.indicator = denominators.indicator
    where observations.unit = 'NR' and length(observations.time_period) = 4 and observations.observed_value is not null
        and observations.size_class in ('EMPL_10-19', 'EMPL_20-49', 'EMPL_50-99', 'EMPL_100-199', 'EMPL_200-249',
            'EMPL_250-999', 'EMPL_1000-4999', 'EMPL_GE5000')
),

strata as (
    select dataset, indicator, size_class, region, sector_scheme, sector, time_year,
        count(*) as found,
        cast(sum(enterprises) as bigint) as enterprises,
        string_agg(cell, ' ' order by cell) as cells,
        max(provenance) as provenance
    from classed
    group by dataset, indicator, size_class, region, sector_scheme, sector, time_year
),

components as (
    select sector_scheme, sector, component_level, level_place, component,
        count(*) over (partition by sector_scheme, sector, component_level) as components
    from intermediate.int_sector_components
    where component <> 'S951' or component_level = 'same'
),

sums as (
    select
        strata.dataset, strata.indicator, strata.size_class, strata.region, components.sector, strata.time_year,
        components.level_place,
        cast(sum(strata.enterprises) as bigint) as enterprises,
        string_agg(strata.cells, ' ' order by components.component) as cells,
        max(strata.provenance) as provenance
    from strata
    inner join components
        on strata.sector_scheme = components.sector_scheme and strata.sector = components.component
    -- A stratum that is missing would make the sum too low.
    where strata.found = case strata.size_class when '10-49' then 2 else 3 end
    group by
        strata.dataset, strata.indicator, strata.size_class, strata.region, components.sector, strata.time_year,
        components.level_place, components.components
    having count(*) = components.components
),

ranked as (
    select
        sums.*,
        row_number() over (
            partition by dataset, indicator, size_class, region, sector, time_year order by level_place
        ) as choice
    from sums
),

counts as (
    select dataset, indicator, size_basis, basis_place, 'GE10' as size_class, region, sector, time_year, enterprises, cells,
        provenance
    from intermediate.int_sector_weights
    where sector_scheme = 'NACE_R2'
    union all
    select dataset, indicator, 'EMPL_GE10', 2, size_class, region, sector, time_year, enterprises, cells, provenance
    from ranked
    where choice = 1
),

totals as (
    select
        counts.dataset, counts.indicator, counts.size_basis, counts.basis_place, counts.size_class, counts.region,
        partitions.total as sector, counts.time_year,
        cast(sum(counts.enterprises) as bigint) as enterprises,
        string_agg(counts.cells, ' ' order by counts.sector) as cells,
        max(counts.provenance) as provenance
    from counts
    inner join (
        select total, sector, count(*) over (partition by total) as sectors
        from staging.stg_sector_partitions
        where sector_partition = 'sections'
    ) as partitions on counts.sector = partitions.sector
    group by
        counts.dataset, counts.indicator, counts.size_basis, counts.basis_place, counts.size_class, counts.region,
        partitions.total, counts.time_year, partitions.sectors
    having count(*) = partitions.sectors
)

select counts.*
from (select * from counts union all select * from totals) as counts
inner join regions on counts.region = regions.region
