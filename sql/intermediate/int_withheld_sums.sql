-- The sums that a withheld cell stands in, as their whole or as a part: over sectors, size classes and regions. Another code
-- of the same cell is a sum of one part. Each row is one other member of such a sum. Percentages do not add up, but with counts of enterprises, which are public, they do: who
-- knows all other members, knows the withheld one.
-- grain: region, sector, size_class, indicator, time_year, dimension, sum_name, whole, member_region, member_sector,
--   member_size
-- column region: of the withheld cell
-- column sector: of the withheld cell
-- column size_class: of the withheld cell
-- column indicator: what is measured
-- column time_year: year of reference
-- column dimension: what is added up: region, sector or size_class
-- column sum_name: name of the sum
-- column whole: code of the whole in that dimension
-- column member_region: of the other member
-- column member_sector: of the other member
-- column member_size: of the other member
-- column is_official: whether a source has a value of the other member
-- audit: member_region <> region or member_sector <> sector or member_size <> size_class
-- private: tells which suppressed cells have few unknowns beside them
with made_of as (
    select sector, part
    from staging.stg_sector_parts
    where sector_scheme = 'NACE_R2'
),

activities as (
    select sector, string_agg(part, ' ' order by part) as divisions
    from made_of
    group by sector
    union
    select distinct divisions.part, divisions.part
    from made_of as divisions
    left join made_of as own on divisions.part = own.sector
    where own.sector is null
),

parts as (
    -- Section D is division 35: two codes of the same cell are a sum of one part.
    select 'sector' as dimension, 'same' as sum_name, one.sector as whole, other.sector as part
    from activities as one
    inner join activities as other on one.divisions = other.divisions and one.sector < other.sector
    union all
    select 'sector' as dimension, sector_partition as sum_name, total as whole, sector as part
    from staging.stg_sector_partitions
    union all
    select 'sector', sector_sum, whole, part
    from staging.stg_sector_sum_parts
    union all
    select 'sector', 'sub_sectors', sector, part
    from staging.stg_subsector_parts
    union all
    select 'size_class', 'three_classes', 'GE10', size_class
    from staging.stg_size_classes
    where size_class in ('10-49', '50-249', 'GE250')
    union all
    select 'size_class', 'two_classes', 'GE10', size_class
    from staging.stg_size_classes
    where size_class in ('10-249', 'GE250')
    union all
    select 'size_class', 'small_and_medium', '10-249', size_class
    from staging.stg_size_classes
    where size_class in ('10-49', '50-249')
    union all
    -- A region of NUTS 1 that is one of NUTS 2 as well is a sum of one part: the two are the same cell.
    select 'region', region_level, parent, region
    from staging.stg_regions
    where country = 'ES' and region_level in ('nuts1', 'nuts2')
    union all
    select 'region', region_level, country, region
    from staging.stg_regions
    where country = 'ES' and region_level = 'nuts2'
),

members as (
    select dimension, sum_name, whole, part as code
    from parts
    union all
    select distinct dimension, sum_name, whole, whole
    from parts
),

others as (
    select
        withheld.region,
        withheld.sector,
        withheld.size_class,
        withheld.indicator,
        withheld.time_year,
        own.dimension,
        own.sum_name,
        own.whole,
        case own.dimension when 'region' then members.code else withheld.region end as member_region,
        case own.dimension when 'sector' then members.code else withheld.sector end as member_sector,
        case own.dimension when 'size_class' then members.code else withheld.size_class end as member_size
    from intermediate.int_withheld_cells as withheld
    inner join members as own
        on own.code = case own.dimension
            when 'region' then withheld.region when 'sector' then withheld.sector else withheld.size_class
        end
    inner join members
        on own.dimension = members.dimension and own.sum_name = members.sum_name and own.whole = members.whole
        and own.code <> members.code
),

official as (
    select distinct region, sector, size_class, indicator, cast(time_period as integer) as time_year
    from staging.stg_observations
    where unit = 'PC_ENT' and sector_scheme = 'NACE_R2' and length(time_period) = 4 and observed_value is not null
)

select
    others.region,
    others.sector,
    others.size_class,
    others.indicator,
    others.time_year,
    others.dimension,
    others.sum_name,
    others.whole,
    others.member_region,
    others.member_sector,
    others.member_size,
    official.region is not null as is_official
from others
left join official
    on others.member_region = official.region and others.member_sector = official.sector
    and others.member_size = official.size_class and others.indicator = official.indicator
    and others.time_year = official.time_year
