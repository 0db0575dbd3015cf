-- What separates the sectors of each cluster's members from the country, in the lead indicator of each force: of the sectors
-- of the survey that a member's division stands in, those of the newest year with a value of region and country, and of these
-- the finest.
-- grain: region, member_scheme, member_sector, force
-- column region: NUTS 2 region of members
-- column member_scheme: classification of the members' division
-- column member_sector: the members' division
-- column force: the driving force
-- column indicator: its lead indicator
-- column unit: unit of it
-- column publisher: who published it
-- column sector: sector of the survey
-- column time_year: year of reference
-- column share: percentage of the region's enterprises of the sector
-- column country_share: percentage of the country's
-- column lag_points: the country's less the region's, in points; above 0 is a lag
-- column flags: observation flags of the region's value
-- column snapshot: BLAKE3 of the bytes that the region's value was read from
-- column cell: byte offset of the value there
-- column country_snapshot: BLAKE3 of the bytes of the country's value
-- column country_cell: byte offset of the country's value there
-- column provenance: official if both values are, otherwise synthetic
-- audit: share is not null and country_share is not null
with wanted as (
    select distinct region, sector_scheme as member_scheme, sector as member_sector
    from intermediate.int_member_profiles
    where sector <> 'unknown'
),

-- A sector such as C-E stands in both surveys; only those who publish this total have the same universe.
publishers as (
    select distinct publisher
    from intermediate.int_series
    where sector = 'C10-S951_X_K'
),

candidates as (
    select
        wanted.region,
        wanted.member_scheme,
        wanted.member_sector,
        indicators.force,
        compared.indicator,
        compared.unit,
        compared.publisher,
        compared.sector,
        compared.time_year,
        compared.share,
        compared.country_share,
        compared.flags,
        compared."snapshot",
        compared.cell,
        compared.country_snapshot,
        compared.country_cell,
        greatest(compared.provenance, compared.country_provenance) as provenance,
        row_number() over (
            partition by wanted.region, wanted.member_scheme, wanted.member_sector, indicators.force
            order by compared.time_year desc, sectors.place, compared.sector, compared.publisher
        ) as choice
    from wanted
    inner join intermediate.int_division_sectors as sectors
        on wanted.member_scheme = sectors.sector_scheme and wanted.member_sector = sectors.division
    inner join intermediate.int_comparisons as compared
        on compared.region_level = 'nuts2'
        and wanted.region = compared.region
        and sectors.sector = compared.sector
        and compared.sector_scheme = 'NACE_R2'
        and compared.size_class = 'GE10'
    inner join publishers on compared.publisher = publishers.publisher
    inner join staging.stg_driving_force_indicators as indicators
        on indicators.role = 'lead'
        and compared.indicator = indicators.indicator
        and compared.unit = indicators.unit
    where compared.share is not null and compared.country_share is not null
)

select
    region,
    member_scheme,
    member_sector,
    force,
    indicator,
    unit,
    publisher,
    sector,
    time_year,
    share,
    country_share,
    cast(cast(country_share as decimal(12, 6)) - cast(share as decimal(12, 6)) as decimal(12, 6)) as lag_points,
    flags,
    "snapshot",
    cell,
    country_snapshot,
    country_cell,
    provenance
from candidates
where choice = 1
