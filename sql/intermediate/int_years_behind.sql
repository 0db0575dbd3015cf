-- How many years ago the country, or the European Union, had the level that a region or country has now. Between two years
-- the reference is taken to have moved in a straight line; what lies before its first year, or across a break, is not said.
-- Only the indicators of the driving forces.
-- grain: publisher, indicator, unit, size_class, sector_scheme, sector, region, time_year, reference
-- column publisher: who published it
-- column indicator: what is measured
-- column unit: unit, with the percentage's universe
-- column size_class: persons employed
-- column sector_scheme: classification of the sector
-- column sector: canonical code of the activity
-- column region: NUTS 2024 or country code
-- column time_year: year of reference
-- column reference: country or eu
-- column share: the percentage of the region
-- column reference_share: that of the reference in the same year
-- column status: known; not_behind (the region is at the reference's level or above); before_first_year (the reference had
--   it before its series begins); break (its series begins anew since)
-- column years_behind: years, 0 where it is not behind; null where it can not be said
-- column before_year: the last year in which the reference was at that level or below
-- column before_share: its percentage then
-- column before_snapshot: BLAKE3 of the bytes that this was read from
-- column before_cell: byte offset of the value there
-- column after_year: the reference's next year, in which it was above
-- column after_share: its percentage then
-- column after_snapshot: BLAKE3 of the bytes that this was read from
-- column after_cell: byte offset of the value there
-- column provenance: official if both years of the reference are; null where there are none
-- audit: status in ('known', 'not_behind', 'before_first_year', 'break')
-- audit: (years_behind is null) = (status in ('before_first_year', 'break'))
-- audit: years_behind is null or years_behind between 0 and time_year
-- audit: status <> 'known' or (before_share <= share and share < after_share and before_year < after_year)
with measured as (
    select distinct indicator, unit
    from staging.stg_driving_force_indicators
),

levels as (
    select
        own.publisher, own.indicator, own.unit, own.size_class, own.sector_scheme, own.sector, own.region, own.time_year,
        own.share,
        own.region_level,
        own.country
    from intermediate.int_comparisons as own
    inner join measured on own.indicator = measured.indicator and own.unit = measured.unit
    where own.share is not null and own.region_level in ('country', 'nuts2')
),

references_ as (
    select levels.*, 'country' as reference, levels.country as reference_region
    from levels
    where levels.region_level = 'nuts2'
    union all
    select levels.*, 'eu' as reference, 'EU27_2020' as reference_region
    from levels
),

series as (
    select
        int_series.*,
        min(int_series.segment) over (
            partition by int_series.publisher, int_series.indicator, int_series.unit, int_series.size_class,
                int_series.sector_scheme, int_series.sector, int_series.region
        ) as first_segment
    from intermediate.int_series as int_series
    inner join measured on int_series.indicator = measured.indicator and int_series.unit = measured.unit
    where int_series.share is not null and (int_series.region_level = 'country' or int_series.region = 'EU27_2020')
),

compared as (
    select own.*, series.share as reference_share, series.segment, series.first_segment
    from references_ as own
    inner join series
        on own.publisher = series.publisher
        and own.indicator = series.indicator
        and own.unit = series.unit
        and own.size_class = series.size_class
        and own.sector_scheme = series.sector_scheme
        and own.sector = series.sector
        and own.reference_region = series.region
        and own.time_year = series.time_year
),

steps as (
    select
        series.*,
        lead(time_year) over in_time as after_year,
        lead(share) over in_time as after_share,
        lead("snapshot") over in_time as after_snapshot,
        lead(cell) over in_time as after_cell,
        lead(provenance) over in_time as after_provenance
    from series
    window in_time as (
        partition by publisher, indicator, unit, size_class, sector_scheme, sector, region, segment
        order by time_year
    )
),

crossed as (
    select
        own.*,
        steps.time_year as before_year,
        steps.share as before_share,
        steps."snapshot" as before_snapshot,
        steps.cell as before_cell,
        steps.after_year,
        steps.after_share,
        steps.after_snapshot,
        steps.after_cell,
        case
            when steps.provenance = 'official' and steps.after_provenance = 'official' then 'official'
            when steps.provenance is not null then 'synthetic'
        end as provenance,
        -- A reference that went up and down has been at the level more than once: the last time counts.
        row_number() over (
            partition by own.publisher, own.indicator, own.unit, own.size_class, own.sector_scheme, own.sector,
                own.region, own.time_year, own.reference
            order by steps.time_year desc nulls last
        ) as choice
    from compared as own
    left join steps
        on own.publisher = steps.publisher
        and own.indicator = steps.indicator
        and own.unit = steps.unit
        and own.size_class = steps.size_class
        and own.sector_scheme = steps.sector_scheme
        and own.sector = steps.sector
        and own.reference_region = steps.region
        and own.segment = steps.segment
        and steps.after_year <= own.time_year
        and steps.share <= own.share
        and steps.after_share > own.share
        and own.share < own.reference_share
)

select
    publisher,
    indicator,
    unit,
    size_class,
    sector_scheme,
    sector,
    region,
    time_year,
    reference,
    share,
    reference_share,
    case
        when share >= reference_share then 'not_behind'
        when before_year is not null then 'known'
        when segment = first_segment then 'before_first_year'
        else 'break'
    end as status,
    case
        when share >= reference_share then cast(0 as double)
        when before_year is not null then
            cast(time_year - before_year as double)
            - cast(after_year - before_year as double) * (share - before_share) / (after_share - before_share)
    end as years_behind,
    before_year,
    before_share,
    before_snapshot,
    before_cell,
    after_year,
    after_share,
    after_snapshot,
    after_cell,
    provenance
from crossed
where choice = 1
