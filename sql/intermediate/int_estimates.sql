-- The tables of estimates, raked (SPREE, Purcell and Kish 1980): the parts of a whole by whether their enterprises use the
-- technology. The seed is rate times enterprises of the larger area or of another year; the margins are the enterprises of
-- each part and the users of the whole, its published rate times its enterprises. Raked are counts, since percentages
-- do not add up; both columns, so that no part has more users than enterprises. What is kept are the odds ratios: from any
-- one estimate of a table all others follow, so that a table with a suppressed part is not raked, for no use.
-- rake: seed to part_total by part_region, part_sector, part_size; uses_total by uses
--   within kind, publisher, indicator, whole_region, whole_sector, time_year
-- grain: kind, publisher, indicator, whole_region, whole_sector, time_year, part_region, part_sector, part_size, uses
-- column kind: what the table is for: years, sub_sectors, sizes, test_years or test_sectors
-- column publisher: who published the percentages
-- column indicator: what is measured
-- column whole_region: the region whose total is known
-- column whole_sector: the sector whose total is known
-- column time_year: year of reference
-- column part_region: the region of the part
-- column part_sector: the sector of the part
-- column part_size: the size class of the part
-- column uses: whether these are the enterprises that use the technology
-- column seed: enterprises by the percentage of the seed
-- column part_total: enterprises of the part
-- column uses_total: enterprises of the whole by its published percentage
-- column raked: enterprises after raking; null where it was refused
-- column raking_rounds: rounds over both margins that it took
-- column raking_error: largest distance of a sum from its margin, as a share of the margin
-- column raking_refusal: why the margins cannot be met; null where they are
-- private: holds values that are not reliable enough to be told
with tables as (
    select * from intermediate.int_estimate_years
    union all
    select * from intermediate.int_estimate_parts_of_region
),

marked as (
    select
        tables.*,
        count(withheld.region) over (
            partition by tables.kind, tables.publisher, tables.indicator, tables.whole_region, tables.whole_sector,
                tables.time_year
        ) as withheld_parts
    from tables
    left join intermediate.int_withheld_cells as withheld
        on tables.part_region = withheld.region and tables.part_sector = withheld.sector
        and tables.part_size = withheld.size_class and tables.indicator = withheld.indicator
        and tables.time_year = withheld.time_year
),

parts as (
    select * from marked where withheld_parts = 0
),

totals as (
    select
        parts.*,
        cast(sum(enterprises) over whole as double) as all_enterprises,
        cast(sum(enterprises) over whole as double) * whole_share * margin_scaling / 100 as users
    from parts
    window whole as (partition by kind, publisher, indicator, whole_region, whole_sector, time_year)
)

select
    totals.kind,
    totals.publisher,
    totals.indicator,
    totals.whole_region,
    totals.whole_sector,
    totals.time_year,
    totals.part_region,
    totals.part_sector,
    totals.part_size,
    answers.uses,
    totals.enterprises * case when answers.uses then totals.seed_share else 100 - totals.seed_share end / 100 as seed,
    cast(totals.enterprises as double) as part_total,
    case when answers.uses then totals.users else totals.all_enterprises - totals.users end as uses_total
from totals
cross join (select true as uses union all select false) as answers
