-- The sectors of the surveys that a member's division lies in. One of another classification than NACE Rev. 2 lies in a
-- sector if all divisions of NACE Rev. 2 do that it has anything in common with: beverages of NACE Rev. 2.1 are of two
-- divisions there, but both are manufacturing.
-- grain: sector_scheme, division, sector
-- column sector_scheme: classification of the division
-- column division: the division
-- column sector: a sector of the surveys, by NACE Rev. 2, that it lies in
-- column place: of its finest partition; the lower number is the finer one
with related as (
    select distinct 'NACE_R2' as sector_scheme, part as division, part as related
    from staging.stg_sector_parts
    where sector_scheme = 'NACE_R2'
    union all
    select distinct to_scheme as sector_scheme, to_sector as division, from_sector as related
    from staging.stg_sector_relations
    where from_scheme = 'NACE_R2' and to_scheme <> 'NACE_R2' and length(from_sector) = 2 and length(to_sector) = 2
),

sizes as (
    select sector_scheme, division, count(*) as divisions
    from related
    group by sector_scheme, division
),

-- The total itself is no sector: it would say the same of every member.
sectors as (
    select partitions.sector, min(partitions.place) as place
    from staging.stg_sector_partitions as partitions
    where partitions.total = 'C10-S951_X_K'
    group by partitions.sector
)

select
    related.sector_scheme,
    related.division,
    sectors.sector,
    sectors.place
from related
inner join sizes on related.sector_scheme = sizes.sector_scheme and related.division = sizes.division
inner join staging.stg_sector_parts as parts on parts.sector_scheme = 'NACE_R2' and related.related = parts.part
inner join sectors on parts.sector = sectors.sector
group by related.sector_scheme, related.division, sectors.sector, sectors.place, sizes.divisions
having count(*) = sizes.divisions
