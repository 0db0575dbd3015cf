-- Percentages by year as each source delivers them, with the two values before: what checks of a series look at. Unlike
-- int_series, sources are not put together, so that what is odd is found where it stands.
-- grain: source, indicator, unit, size_class, sector_scheme, sector, region, time_year
-- column source: the pipeline
-- column dataset: its table; of a source with a table a year, that of the year
-- column indicator: what is measured
-- column unit: unit, with the percentage's universe
-- column size_class: persons employed
-- column sector_scheme: classification of the sector
-- column sector: canonical code of the activity
-- column region: NUTS 2024 or country code
-- column time_year: year of reference
-- column share: the percentage
-- column flags: observation flags, sorted letters
-- column snapshot: BLAKE3 of the bytes that it was read from
-- column cell: byte offset of the value in the decompressed snapshot
-- column provenance: official or synthetic
-- column previous_year: the year of the value before
-- column previous_share: the value before
-- column previous_snapshot: BLAKE3 of the bytes that it was read from
-- column previous_cell: byte offset of it there
-- column before_previous_share: the value before that
-- audit: share is not null
with yearly as (
    select
        observations.pipeline as source,
        observations.dataset,
        observations.indicator,
        observations.unit,
        observations.size_class,
        observations.sector_scheme,
        observations.sector,
        observations.region,
        cast(observations.time_period as integer) as time_year,
        observations.observed_value as share,
        observations.flags,
        observations."snapshot",
        observations.cell,
        observations.provenance,
        row_number() over (
            partition by
                observations.pipeline, observations.indicator, observations.unit, observations.size_class,
                observations.sector_scheme, observations.sector, observations.region, observations.time_period
            order by observations.dataset
        ) as choice
    from staging.stg_observations as observations
    where observations.unit like 'PC%'
        and length(observations.time_period) = 4
        and observations.observed_value is not null
)

select
    source,
    dataset,
    indicator,
    unit,
    size_class,
    sector_scheme,
    sector,
    region,
    time_year,
    share,
    flags,
    "snapshot",
    cell,
    provenance,
    lag(time_year) over in_time as previous_year,
    lag(share) over in_time as previous_share,
    lag("snapshot") over in_time as previous_snapshot,
    lag(cell) over in_time as previous_cell,
    lag(share, 2) over in_time as before_previous_share
from yearly
where choice = 1
window in_time as (
    partition by source, indicator, unit, size_class, sector_scheme, sector, region
    order by time_year
)
