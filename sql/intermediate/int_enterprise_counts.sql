-- How many enterprises there are, by region, sector and year, as far as sources with such counts are loaded. A region that had
-- another code in an earlier version of NUTS and is the same has one series: the count under its own code where there is one,
-- otherwise that under the earlier code.
-- grain: dataset, indicator, region, sector_scheme, sector, size_basis, time_year
-- column dataset: the source's table
-- column source: the pipeline that delivered it
-- column indicator: what is counted: enterprises or local units
-- column region: NUTS 2024 or country code; of an earlier version where no region of this one is the same
-- column sector_scheme: classification of the sector
-- column sector: canonical code of the activity
-- column size_basis: GE10 (10 or more persons employed), EMPL_GE10 (sum of the strata of 10 employees or more) or TOTAL
-- column basis_place: the lower number is nearer to the enterprises that the survey asks
-- column time_year: year of reference
-- column enterprises: how many
-- column cells: the cells that were added up, each as snapshot:cell
-- column provenance: official if all cells are, otherwise synthetic
-- audit: enterprises >= 0
with found as (
    select
        observations.dataset,
        observations.pipeline as source,
        observations.indicator,
        coalesce(successors.successor, observations.region) as region,
        case when successors.successor is null then 0 else 1 end as is_earlier_code,
        observations.sector_scheme,
        observations.sector,
        observations.size_class,
        case
            when observations.size_class in ('EMPL_0', 'EMPL_1-2', 'EMPL_3-5', 'EMPL_6-9') then 'EMPL_L10'
            when observations.size_class like 'EMPL%' then 'EMPL_GE10'
            else observations.size_class
        end as size_basis,
        cast(observations.time_period as integer) as time_year,
        cast(observations.observed_value as decimal(18, 0)) as enterprises,
        observations."snapshot",
        observations.cell,
        observations.provenance
    from staging.stg_observations as observations
    inner join staging.stg_denominators as denominators on observations.indicator = denominators.indicator
    left join staging.stg_region_successors as successors on observations.region = successors.region
    where observations.unit = 'NR'
        and length(observations.time_period) = 4
        and observations.observed_value is not null
),

-- A table may have both codes in one year: of the two the one in force, and never their sum.
counts as (
    select
        found.*,
        row_number() over (
            partition by dataset, source, indicator, region, sector_scheme, sector, size_class, time_year
            order by is_earlier_code
        ) as choice
    from found
)

select
    dataset,
    source,
    indicator,
    region,
    sector_scheme,
    sector,
    size_basis,
    case size_basis when 'GE10' then 1 when 'EMPL_GE10' then 2 else 3 end as basis_place,
    time_year,
    cast(sum(enterprises) as bigint) as enterprises,
    string_agg("snapshot" || ':' || cast(cell as varchar), ' ' order by "snapshot", cell) as cells,
    max(provenance) as provenance
from counts
where size_basis in ('GE10', 'EMPL_GE10', 'TOTAL') and choice = 1
group by dataset, source, indicator, region, sector_scheme, sector, size_basis, time_year
-- Strata are a whole only where none of the eight from ten on is missing: without one the sum would be too low.
having size_basis <> 'EMPL_GE10' or count(*) = 8
