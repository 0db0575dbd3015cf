-- Tables of estimates that would give a suppressed cell away: with what the sources publish, they would leave it as the only
-- unknown of a sum. What the sources alone allow is none of them. A table is refused as a whole, since from some of its
-- estimates the others follow.
-- grain: kind, publisher, indicator, whole_region, whole_sector, time_year
-- column kind: years, sub_sectors or sizes
-- column publisher: who published the percentages that it is made from
-- column indicator: what is measured
-- column whole_region: the region whose total is known
-- column whole_sector: the sector whose total is known
-- column time_year: year of reference
-- column withheld_cells: how many cells would be given away
-- audit: withheld_cells > 0
-- private: tells which suppressed cells have few unknowns beside them
with estimates as (
    select distinct region, sector, size_class, indicator, time_year
    from intermediate.int_estimate_cells
    where users is not null
),

sums as (
    select
        sums.region, sums.sector, sums.size_class, sums.indicator, sums.time_year, sums.dimension, sums.sum_name, sums.whole
    from intermediate.int_withheld_sums as sums
    left join estimates
        on sums.member_region = estimates.region and sums.member_sector = estimates.sector
        and sums.member_size = estimates.size_class and sums.indicator = estimates.indicator
        and sums.time_year = estimates.time_year
    group by
        sums.region, sums.sector, sums.size_class, sums.indicator, sums.time_year, sums.dimension, sums.sum_name, sums.whole
    having count(estimates.region) > 0
        and sum(case when sums.is_official or estimates.region is not null then 1 else 0 end) = count(*)
)

select
    cells.kind,
    cells.publisher,
    cells.indicator,
    cells.whole_region,
    cells.whole_sector,
    cells.time_year,
    count(distinct members.region || ' ' || members.sector || ' ' || members.size_class) as withheld_cells
from sums
inner join intermediate.int_withheld_sums as members
    on sums.region = members.region and sums.sector = members.sector and sums.size_class = members.size_class
    and sums.indicator = members.indicator and sums.time_year = members.time_year
    and sums.dimension = members.dimension and sums.sum_name = members.sum_name and sums.whole = members.whole
inner join intermediate.int_estimate_cells as cells
    on members.member_region = cells.region and members.member_sector = cells.sector
    and members.member_size = cells.size_class and members.indicator = cells.indicator
    and members.time_year = cells.time_year and cells.users is not null
group by
    cells.kind, cells.publisher, cells.indicator, cells.whole_region, cells.whole_sector, cells.time_year
