-- Cells that a source names and gives no value of, and no other source either: suppressed, or not available, which no source
-- tells apart for certain. Of Spain, and of the percentages that estimates are made of.
-- grain: region, sector, size_class, indicator, time_year
-- column region: region of NUTS 1 or 2, or country
-- column sector: canonical code of the activity
-- column size_class: persons employed
-- column indicator: what is measured
-- column time_year: year of reference
-- column publisher: who withholds it; of several, the preferred source's
-- column provenance: official if all sources of it are, otherwise synthetic
with cells as (
    select
        observations.region,
        observations.sector,
        observations.size_class,
        observations.indicator,
        cast(observations.time_period as integer) as time_year,
        observations.observed_value,
        pipelines.publisher,
        observations.provenance,
        row_number() over (
            partition by
                observations.region, observations.sector, observations.size_class, observations.indicator,
                observations.time_period
            order by pipelines.preference, observations.pipeline, observations.dataset
        ) as place
    from staging.stg_observations as observations
    inner join staging.stg_pipelines as pipelines on observations.pipeline = pipelines.pipeline
    inner join staging.stg_regions as regions on observations.region = regions.region
    inner join staging.stg_driving_force_indicators as forces
        on observations.indicator = forces.indicator and observations.unit = forces.unit and forces.role = 'lead'
    where observations.unit = 'PC_ENT' and observations.sector_scheme = 'NACE_R2'
        and length(observations.time_period) = 4
        and (regions.region = 'ES' or (regions.country = 'ES' and regions.region_level in ('nuts1', 'nuts2')))
)

select
    region,
    sector,
    size_class,
    indicator,
    time_year,
    max(case when place = 1 then publisher end) as publisher,
    max(provenance) as provenance
from cells
group by region, sector, size_class, indicator, time_year
having count(observed_value) = 0
