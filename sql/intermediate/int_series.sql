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

repeated as (
    select publisher, indicator, unit, size_class, sector_scheme, sector, region, time_year
    from yearly
    group by publisher, indicator, unit, size_class, sector_scheme, sector, region, time_year
    having count(*) > 1
),

-- Only cells that several tables give are put in order: they are few, and to sort all of them would take long.
ranked as (
    select
        yearly.*,
        row_number() over (
            partition by yearly.publisher, yearly.indicator, yearly.unit, yearly.size_class, yearly.sector_scheme,
                yearly.sector, yearly.region, yearly.time_year
            order by case when yearly.share is null then 1 else 0 end, yearly.preference, yearly.pipeline, yearly.dataset
        ) as choice
    from yearly
    inner join repeated
        on yearly.publisher = repeated.publisher
        and yearly.indicator = repeated.indicator
        and yearly.unit = repeated.unit
        and yearly.size_class = repeated.size_class
        and yearly.sector_scheme = repeated.sector_scheme
        and yearly.sector = repeated.sector
        and yearly.region = repeated.region
        and yearly.time_year = repeated.time_year
),

chosen as (
    select yearly.*
    from yearly
    left join ranked
        on ranked.choice > 1
        and yearly.publisher = ranked.publisher
        and yearly.indicator = ranked.indicator
        and yearly.unit = ranked.unit
        and yearly.size_class = ranked.size_class
        and yearly.sector_scheme = ranked.sector_scheme
        and yearly.sector = ranked.sector
        and yearly.region = ranked.region
        and yearly.time_year = ranked.time_year
        and yearly.pipeline = ranked.pipeline
        and yearly.dataset = ranked.dataset
    where ranked.publisher is null
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

flagged as (
    select publisher, indicator, unit, size_class, sector_scheme, sector, region, time_year
    from chosen
    where flags like '%b%'
),

-- How many flags of a break each value has behind it; only for the few series with such a flag.
flags_behind as (
    select
        chosen.publisher, chosen.indicator, chosen.unit, chosen.size_class, chosen.sector_scheme, chosen.sector,
        chosen.region, chosen.time_year,
        count(*) as breaks
    from chosen
    inner join flagged
        on chosen.publisher = flagged.publisher
        and chosen.indicator = flagged.indicator
        and chosen.unit = flagged.unit
        and chosen.size_class = flagged.size_class
        and chosen.sector_scheme = flagged.sector_scheme
        and chosen.sector = flagged.sector
        and chosen.region = flagged.region
        and chosen.time_year >= flagged.time_year
    group by
        chosen.publisher, chosen.indicator, chosen.unit, chosen.size_class, chosen.sector_scheme, chosen.sector,
        chosen.region, chosen.time_year
),

segments as (
    select
        chosen.*,
        -- Both counts only grow; a thousand keeps them apart.
        cast(1000 * restarts.restarts + coalesce(flags_behind.breaks, 0) as bigint) as segment
    from chosen
    inner join restarts
        on chosen.publisher = restarts.publisher
        and chosen.indicator = restarts.indicator
        and chosen.time_year = restarts.time_year
    left join flags_behind
        on chosen.publisher = flags_behind.publisher
        and chosen.indicator = flags_behind.indicator
        and chosen.unit = flags_behind.unit
        and chosen.size_class = flags_behind.size_class
        and chosen.sector_scheme = flags_behind.sector_scheme
        and chosen.sector = flags_behind.sector
        and chosen.region = flags_behind.region
        and chosen.time_year = flags_behind.time_year
),

-- Each segment begins with its first year, and with a break unless it is the first one of its series.
beginnings as (
    select publisher, indicator, unit, size_class, sector_scheme, sector, region, segment, min(time_year) as first_year
    from segments
    group by publisher, indicator, unit, size_class, sector_scheme, sector, region, segment
),

placed as (
    select
        beginnings.*,
        row_number() over (
            partition by publisher, indicator, unit, size_class, sector_scheme, sector, region
            order by segment
        ) as place
    from beginnings
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
    placed.first_year is not null as is_break,
    segments.segment,
    segments.pipeline as source,
    segments.dataset,
    segments.vintage,
    segments."snapshot",
    segments.cell,
    segments.provenance
from segments
left join placed
    on placed.place > 1
    and segments.publisher = placed.publisher
    and segments.indicator = placed.indicator
    and segments.unit = placed.unit
    and segments.size_class = placed.size_class
    and segments.sector_scheme = placed.sector_scheme
    and segments.sector = placed.sector
    and segments.region = placed.region
    and segments.time_year = placed.first_year
left join staging.stg_regions as regions on segments.region = regions.region
