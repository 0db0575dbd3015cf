-- Yearly series of percentages: one value a cell and publisher, and where each series breaks. One publisher's tables give
-- the same survey, so that a region's value and its country's, which may stand in two tables, are of the same universe;
-- two publishers' are not, and are kept apart.
-- grain: publisher, indicator, unit, size_class, sector_scheme, sector, region, time_year
-- column publisher: who published it
-- column indicator: what is measured
-- column unit: unit, with the percentage's universe
-- column size_class: persons employed
-- column sector_scheme: classification of the sector
-- column sector: canonical code of the activity
-- column region: NUTS 2024 or country code
-- column region_level: country, aggregate, nuts1 or nuts2
-- column country: code of its country; null for an aggregate
-- column time_year: year of reference
-- column share: the percentage; null where the source says that there is none
-- column flags: observation flags, sorted letters
-- column is_break: whether a series that was there before begins anew in this year
-- column segment: only values of one segment of a series can be compared over time
-- column source: the pipeline that delivered it
-- column dataset: its table
-- column vintage: UTC time of the snapshot in which this value first stood
-- column snapshot: BLAKE3 of the bytes that it was read from
-- column cell: byte offset of the value in the decompressed snapshot
-- column provenance: official or synthetic
-- audit: share is null or share between 0 and 100
-- audit: publisher is not null and region_level is not null
with yearly as (
    select
        pipelines.publisher,
        pipelines.preference,
        observations.pipeline,
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
        observations.vintage,
        observations."snapshot",
        observations.cell,
        observations.provenance
    from staging.stg_observations as observations
    inner join staging.stg_pipelines as pipelines on observations.pipeline = pipelines.pipeline
    -- Months and quarters are no years, and would break the cast.
    where observations.unit like 'PC%' and length(observations.time_period) = 4
),

ranked as (
    select
        yearly.*,
        row_number() over (
            partition by publisher, indicator, unit, size_class, sector_scheme, sector, region, time_year
            order by case when share is null then 1 else 0 end, preference, pipeline, dataset
        ) as choice
    from yearly
),

-- A break that is declared for one table holds for the publisher's whole series, which may go on in another table. Few
-- rows, so that the join with its alternatives costs nothing.
declared as (
    select distinct tables.publisher, tables.indicator, breaks.break_year
    from (select distinct publisher, pipeline, dataset, indicator from yearly) as tables
    inner join staging.stg_indicator_breaks as breaks
        on (breaks.indicator = tables.indicator or breaks.indicator = '*')
        and (breaks.dataset = tables.dataset or breaks.dataset = split_part(tables.pipeline, '__', 2))
),

restarts as (
    select years.publisher, years.indicator, years.time_year, count(declared.break_year) as restarts
    from (select distinct publisher, indicator, time_year from yearly) as years
    left join declared
        on years.publisher = declared.publisher
        and years.indicator = declared.indicator
        and declared.break_year <= years.time_year
    group by years.publisher, years.indicator, years.time_year
),

segments as (
    select
        ranked.*,
        -- Both counts only grow; a thousand keeps them apart.
        cast(1000 * restarts.restarts + sum(case when ranked.flags like '%b%' then 1 else 0 end) over (
            partition by ranked.publisher, ranked.indicator, ranked.unit, ranked.size_class, ranked.sector_scheme,
                ranked.sector, ranked.region
            order by ranked.time_year
            rows between unbounded preceding and current row
        ) as bigint) as segment
    from ranked
    inner join restarts
        on ranked.publisher = restarts.publisher
        and ranked.indicator = restarts.indicator
        and ranked.time_year = restarts.time_year
    where ranked.choice = 1
)

select
    segments.publisher,
    segments.indicator,
    segments.unit,
    segments.size_class,
    segments.sector_scheme,
    segments.sector,
    segments.region,
    regions.region_level,
    case when regions.region_level = 'country' then segments.region else regions.country end as country,
    segments.time_year,
    segments.share,
    segments.flags,
    coalesce(segments.segment <> lag(segments.segment) over (
        partition by segments.publisher, segments.indicator, segments.unit, segments.size_class, segments.sector_scheme,
            segments.sector, segments.region
        order by segments.time_year
    ), false) as is_break,
    segments.segment,
    segments.pipeline as source,
    segments.dataset,
    segments.vintage,
    segments."snapshot",
    segments.cell,
    segments.provenance
from segments
left join staging.stg_regions as regions on segments.region = regions.region
