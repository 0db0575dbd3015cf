-- The straight line of least squares through the years of a series since its last break, for the totals of all activities.
-- Sums are of whole numbers and decimals, so that no order of rows changes a digit.
-- grain: publisher, indicator, unit, size_class, sector_scheme, sector, region
-- column publisher: who published it
-- column indicator: what is measured
-- column unit: unit, with the percentage's universe
-- column size_class: persons employed
-- column sector_scheme: classification of the sector
-- column sector: the total of all activities of the survey; _Z where households are counted
-- column region: NUTS 2024 or country code, or EU27_2020
-- column region_level: country, aggregate or nuts2
-- column first_year: the first year of the trend
-- column last_year: the newest year with a value
-- column segment: the segment of the series that the trend goes through
-- column years: how many years of the trend have a value
-- column points: these years with their percentages
-- column cells: the cells of these values, each as snapshot:cell, in the order of the years
-- column mean_year: mean of the years
-- column mean_share: mean of the percentages
-- column year_spread: sum of squares of the years around their mean
-- column slope: points a year; null with one year
-- column residual_spread: sum of squares of the percentages around the line; null with one year
-- column provenance: official if all values are, otherwise synthetic
-- audit: years >= 1 and first_year <= last_year
-- audit: (slope is null) = (years = 1)
-- audit: residual_spread is null or residual_spread >= 0
with newest as (
    select publisher, indicator, unit, size_class, sector_scheme, sector, region, max(time_year) as last_year
    from intermediate.int_series
    where share is not null
        and sector in ('C10-S951_X_K', 'INE_TOTAL', '_Z')
        and (region_level in ('country', 'nuts2') or region = 'EU27_2020')
    group by publisher, indicator, unit, size_class, sector_scheme, sector, region
),

in_force as (
    select series.*
    from newest
    inner join intermediate.int_series as series
        on newest.publisher = series.publisher
        and newest.indicator = series.indicator
        and newest.unit = series.unit
        and newest.size_class = series.size_class
        and newest.sector_scheme = series.sector_scheme
        and newest.sector = series.sector
        and newest.region = series.region
        and newest.last_year = series.time_year
),

sums as (
    select
        in_force.publisher,
        in_force.indicator,
        in_force.unit,
        in_force.size_class,
        in_force.sector_scheme,
        in_force.sector,
        in_force.region,
        in_force.region_level,
        in_force.segment,
        min(series.time_year) as first_year,
        max(series.time_year) as last_year,
        count(*) as years,
        -- By way of a decimal, since not every engine writes a double alike: 11.0, 10.99.
        string_agg(
            cast(series.time_year as varchar) || ': '
            || trim(trailing '0' from cast(cast(series.share as decimal(12, 6)) as varchar))
            || case when cast(cast(series.share as decimal(12, 6)) as varchar) like '%.000000' then '0' else '' end,
            ', ' order by series.time_year
        ) as points,
        string_agg(series."snapshot" || ':' || cast(series.cell as varchar), ' ' order by series.time_year) as cells,
        cast(sum(series.time_year - 2000) as bigint) as sum_x,
        cast(sum((series.time_year - 2000) * (series.time_year - 2000)) as bigint) as sum_xx,
        cast(sum(cast(series.share as decimal(12, 6))) as decimal(18, 6)) as sum_y,
        cast(sum(cast(series.share as decimal(12, 6)) * cast(series.time_year - 2000 as decimal(4, 0)))
            as decimal(18, 6)) as sum_xy,
        cast(sum(cast(series.share as decimal(12, 6)) * cast(series.share as decimal(12, 6))) as decimal(30, 12))
            as sum_yy,
        max(series.provenance) as provenance
    from in_force
    inner join intermediate.int_series as series
        on in_force.publisher = series.publisher
        and in_force.indicator = series.indicator
        and in_force.unit = series.unit
        and in_force.size_class = series.size_class
        and in_force.sector_scheme = series.sector_scheme
        and in_force.sector = series.sector
        and in_force.region = series.region
        and in_force.segment = series.segment
    where series.share is not null
    group by
        in_force.publisher, in_force.indicator, in_force.unit, in_force.size_class, in_force.sector_scheme,
        in_force.sector, in_force.region, in_force.region_level, in_force.segment
),

-- Each is the number of years times the sum of squares or products around the means: exact, the division comes last.
spreads as (
    select
        sums.*,
        cast(years * sum_xx - sum_x * sum_x as double) as n_xx,
        cast(cast(years as decimal(4, 0)) * sum_xy - cast(sum_x as decimal(8, 0)) * sum_y as double) as n_xy,
        cast(cast(years as decimal(4, 0)) * sum_yy - sum_y * sum_y as double) as n_yy
    from sums
)

select
    publisher,
    indicator,
    unit,
    size_class,
    sector_scheme,
    sector,
    region,
    region_level,
    first_year,
    last_year,
    segment,
    cast(years as bigint) as years,
    points,
    cells,
    cast(2000 as double) + cast(sum_x as double) / cast(years as double) as mean_year,
    cast(sum_y as double) / cast(years as double) as mean_share,
    n_xx / cast(years as double) as year_spread,
    case when years > 1 then n_xy / n_xx end as slope,
    -- Two points lie on their line; a rounded difference must not become a negative square.
    case
        when years = 2 then cast(0 as double)
        when years > 2 then greatest(cast(0 as double), (n_yy - n_xy * n_xy / n_xx) / cast(years as double))
    end as residual_spread,
    provenance
from spreads
