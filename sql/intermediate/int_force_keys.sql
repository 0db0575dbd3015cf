-- Which cells each driving force has, and for which regions and years it has none.
-- grain: force, region, sector, sector_scheme, size_class, indicator, unit, time_year, publisher
-- column force: the driving force
-- column status: measured; no_value (the source has the cell without a figure); not_in_data (no cell for the region and
--   year, though there is such a statistic); no_statistic (no official statistic measures the force, or none by region)
-- column role: lead for the indicator that the force is judged by, support for others, none where there is no cell
-- column region: NUTS 2024 or country code, or EU27_2020
-- column sector: canonical code of the activity
-- column sector_scheme: classification of the sector
-- column size_class: persons employed
-- column indicator: what is measured; NONE where there is nothing
-- column unit: unit; NONE where there is nothing
-- column time_year: year of reference
-- column publisher: who published it; NONE where nobody did
with cells as (
    select
        indicators.force,
        case when compared.share is null then 'no_value' else 'measured' end as status,
        indicators.role,
        compared.region,
        compared.sector,
        compared.sector_scheme,
        compared.size_class,
        compared.indicator,
        compared.unit,
        compared.time_year,
        compared.publisher
    from intermediate.int_comparisons as compared
    inner join staging.stg_driving_force_indicators as indicators
        on compared.indicator = indicators.indicator and compared.unit = indicators.unit
),

-- Every region and year of which anything is known shows all forces.
places as (
    select distinct cells.region, regions.region_level, cells.time_year
    from cells
    inner join staging.stg_regions as regions on cells.region = regions.region
),

known as (
    select distinct force, region, time_year
    from cells
)

select force, status, role, region, sector, sector_scheme, size_class, indicator, unit, time_year, publisher
from cells
union all
select
    forces.force,
    case
        when forces.statistic_level = 'none' then 'no_statistic'
        when forces.statistic_level = 'country' and places.region_level = 'nuts2' then 'no_statistic'
        else 'not_in_data'
    end as status,
    'none' as role,
    places.region,
    'C10-S951_X_K' as sector,
    'NACE_R2' as sector_scheme,
    'GE10' as size_class,
    'NONE' as indicator,
    'NONE' as unit,
    places.time_year,
    'NONE' as publisher
from places
cross join staging.stg_driving_forces as forces
left join known
    on forces.force = known.force
    and places.region = known.region
    and places.time_year = known.time_year
where known.force is null
