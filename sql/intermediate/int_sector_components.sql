-- The codes whose counts add up to a sector of the surveys: the sector itself, sections, or divisions.
-- grain: sector_scheme, sector, component_level, component
-- column sector_scheme: classification
-- column sector: a sector of the surveys
-- column component_level: same, section or division
-- column level_place: the lower number is taken first
-- column component: code of what is added up
-- column components: how many there are of this level
-- audit: components >= 1
with wanted as (
    select 'NACE_R2' as sector_scheme, sector
    from staging.stg_sector_partitions
    union
    select 'NACE_R2', part
    from staging.stg_subsector_parts
),

parts as (
    select wanted.sector_scheme, wanted.sector, sector_parts.part
    from wanted
    inner join staging.stg_sector_parts as sector_parts
        on wanted.sector_scheme = sector_parts.sector_scheme and wanted.sector = sector_parts.sector
    union all
    select wanted.sector_scheme, wanted.sector, group_parts.part
    from wanted
    inner join staging.stg_survey_group_parts as group_parts on wanted.sector = group_parts.sector
),

sizes as (
    select sector_scheme, sector, count(*) as parts
    from parts
    group by sector_scheme, sector
),

-- Sections that lie in the sector as a whole.
sections as (
    select parts.sector_scheme, parts.sector, section_parts.sector as component, count(*) as covered
    from parts
    inner join staging.stg_sector_parts as section_parts
        on parts.sector_scheme = section_parts.sector_scheme and parts.part = section_parts.part
    inner join staging.stg_sectors as sectors
        on section_parts.sector_scheme = sectors.sector_scheme
        and section_parts.sector = sectors.sector
        and sectors.sector_level = 'section'
    inner join (
        select sector_scheme, sector, count(*) as parts
        from staging.stg_sector_parts
        group by sector_scheme, sector
    ) as wholes
        on section_parts.sector_scheme = wholes.sector_scheme and section_parts.sector = wholes.sector
    group by parts.sector_scheme, parts.sector, section_parts.sector, wholes.parts
    having count(*) = wholes.parts
),

covered as (
    select sector_scheme, sector, cast(sum(covered) as bigint) as covered
    from sections
    group by sector_scheme, sector
),

components as (
    select sector_scheme, sector, 'same' as component_level, 1 as level_place, sector as component
    from wanted
    union all
    select sections.sector_scheme, sections.sector, 'section', 2, sections.component
    from sections
    inner join covered on sections.sector_scheme = covered.sector_scheme and sections.sector = covered.sector
    inner join sizes on sections.sector_scheme = sizes.sector_scheme and sections.sector = sizes.sector
    where covered.covered = sizes.parts
    union all
    select parts.sector_scheme, parts.sector, 'division', 3, parts.part
    from parts
)

select
    sector_scheme,
    sector,
    component_level,
    level_place,
    component,
    cast(count(*) over (partition by sector_scheme, sector, component_level) as bigint) as components
from components
