-- The best region of each cell, in each country and in the European Union: what others could be measured by.
-- Only NUTS 2 regions with a value that is not of low reliability are considered; of equals, the first by code.
-- grain: publisher, indicator, unit, size_class, sector_scheme, sector, time_year, area
-- column publisher: who published it
-- column indicator: what is measured
-- column unit: unit, with the percentage's universe
-- column size_class: persons employed
-- column sector_scheme: classification of the sector
-- column sector: canonical code of the activity
-- column time_year: year of reference
-- column area: the country, or EU27_2020
-- column region: the best region
-- column share: its percentage
-- column snapshot: BLAKE3 of the bytes that it was read from
-- column cell: byte offset of the value in the decompressed snapshot
-- column provenance: official or synthetic
-- audit: share is not null
with candidates as (
    select series.*, series.country as area
    from intermediate.int_series as series
    where series.region_level = 'nuts2' and series.share is not null and coalesce(series.flags, '') not like '%u%'
    union all
    select series.*, country_groups.country_group as area
    from intermediate.int_series as series
    inner join staging.stg_country_groups as country_groups on series.country = country_groups.country
    where series.region_level = 'nuts2' and series.share is not null and coalesce(series.flags, '') not like '%u%'
),

ranked as (
    select
        candidates.*,
        row_number() over (
            partition by publisher, indicator, unit, size_class, sector_scheme, sector, time_year, area
            order by share desc, region
        ) as place
    from candidates
)

select
    publisher,
    indicator,
    unit,
    size_class,
    sector_scheme,
    sector,
    time_year,
    area,
    region,
    share,
    "snapshot",
    cell,
    provenance
from ranked
where place = 1
