-- The place of each NUTS 2 region among those of its country, and among those of the European Union, that have a value in
-- the same cell. Equal values share a place.
-- grain: publisher, indicator, unit, size_class, sector_scheme, sector, region, time_year
-- column publisher: who published it
-- column indicator: what is measured
-- column unit: unit, with the percentage's universe
-- column size_class: persons employed
-- column sector_scheme: classification of the sector
-- column sector: canonical code of the activity
-- column region: NUTS 2024 code
-- column time_year: year of reference
-- column rank_in_country: place among the regions of its country; 1 has the highest value
-- column regions_in_country: how many were compared
-- column rank_in_eu: place among the regions of the European Union; null outside it, and where all that have a value are of
--   one country
-- column regions_in_eu: how many were compared; null where the place is
-- column countries_in_eu: how many countries they are of
-- audit: rank_in_country between 1 and regions_in_country
-- audit: rank_in_eu is null or rank_in_eu between 1 and regions_in_eu
-- audit: (rank_in_eu is null) = (regions_in_eu is null)
with valued as (
    select
        series.publisher,
        series.indicator,
        series.unit,
        series.size_class,
        series.sector_scheme,
        series.sector,
        series.region,
        series.country,
        series.time_year,
        series.share,
        country_groups.country_group
    from intermediate.int_series as series
    left join staging.stg_country_groups as country_groups on series.country = country_groups.country
    where series.region_level = 'nuts2' and series.share is not null
),

countries as (
    select
        publisher, indicator, unit, size_class, sector_scheme, sector, time_year, country_group,
        count(distinct country) as countries,
        count(*) as regions
    from valued
    where country_group = 'EU27_2020'
    group by publisher, indicator, unit, size_class, sector_scheme, sector, time_year, country_group
),

ranked as (
    select
        valued.*,
        rank() over (
            partition by publisher, indicator, unit, size_class, sector_scheme, sector, time_year, country
            order by share desc
        ) as rank_in_country,
        count(*) over (
            partition by publisher, indicator, unit, size_class, sector_scheme, sector, time_year, country
        ) as regions_in_country,
        rank() over (
            partition by publisher, indicator, unit, size_class, sector_scheme, sector, time_year, country_group
            order by share desc
        ) as rank_in_group
    from valued
)

select
    ranked.publisher,
    ranked.indicator,
    ranked.unit,
    ranked.size_class,
    ranked.sector_scheme,
    ranked.sector,
    ranked.region,
    ranked.time_year,
    cast(ranked.rank_in_country as bigint) as rank_in_country,
    cast(ranked.regions_in_country as bigint) as regions_in_country,
    cast(case when countries.countries > 1 then ranked.rank_in_group end as bigint) as rank_in_eu,
    cast(case when countries.countries > 1 then countries.regions end as bigint) as regions_in_eu,
    cast(countries.countries as bigint) as countries_in_eu
from ranked
left join countries
    on ranked.publisher = countries.publisher
    and ranked.indicator = countries.indicator
    and ranked.unit = countries.unit
    and ranked.size_class = countries.size_class
    and ranked.sector_scheme = countries.sector_scheme
    and ranked.sector = countries.sector
    and ranked.time_year = countries.time_year
    and ranked.country_group = countries.country_group
