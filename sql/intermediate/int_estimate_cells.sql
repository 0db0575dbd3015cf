-- Estimates of cells that no source has, before they are judged by the errors of estimate_backtest. A cell that a source
-- gives, published or suppressed, is none, and neither is the part of a whole of which another part is suppressed.
-- grain: publisher, indicator, region, sector, size_class, time_year
-- column publisher: who published the percentages that it is made from
-- column indicator: what is measured
-- column region: NUTS 2 region
-- column sector: canonical code of the activity
-- column size_class: persons employed
-- column time_year: year of reference
-- column kind: years, sub_sectors or sizes
-- column whole_region: the region whose total is known
-- column whole_sector: the sector whose total is known
-- column method: spree, or independence where there is no cross-table
-- column seed_dataset: table of the percentage of the seed
-- column seed_year: year of it
-- column whole_share: published percentage of the whole
-- column margin_scaling: what the users of the whole were multiplied with, so that they agree with the parts
-- column enterprises: enterprises of the cell
-- column counts_dataset: the table with the counts of enterprises
-- column counts_indicator: what is counted there: enterprises or local units
-- column counts_size: the enterprises that are counted, by size
-- column counts_year: of which year they are
-- column enterprise_cells: the cells of the count, each as snapshot:cell
-- column users: enterprises that use the technology, after raking
-- column estimated_share: the same as a percentage, before it is judged
-- column raking_rounds: rounds of raking
-- column raking_error: largest distance of a sum from its margin, as a share of the margin
-- column error_test: the test of estimate_backtest whose errors the estimate is judged by
-- column refusal: why there is no estimate; null where there is one
-- column provenance: official if everything is, otherwise synthetic
-- inputs: int_estimate_years on kind, publisher, indicator, whole_region, whole_sector, time_year
-- inputs: int_estimate_parts_of_region on kind, publisher, indicator, whole_region, whole_sector, time_year
-- audit: raking_error is null or raking_error <= 1e-9
-- audit: estimated_share is null or estimated_share between 0 and 100
-- private: holds values that are not reliable enough to be told
with parts as (
    select * from intermediate.int_estimate_years
    where kind = 'years' and part_region <> '_REST'
    union all
    select * from intermediate.int_estimate_parts_of_region
    where kind in ('sub_sectors', 'sizes')
),

given as (
    select distinct region, sector, size_class, indicator, time_period
    from staging.stg_observations
    where unit = 'PC_ENT' and sector_scheme = 'NACE_R2'
),

raked as (
    select
        parts.*,
        raked.raked,
        raked.raking_rounds,
        raked.raking_error,
        raked.raking_refusal,
        raked.kind is null as is_withheld
    from parts
    left join intermediate.int_estimates as raked
        on parts.kind = raked.kind and parts.publisher = raked.publisher and parts.indicator = raked.indicator
        and parts.whole_region = raked.whole_region and parts.whole_sector = raked.whole_sector
        and parts.time_year = raked.time_year and parts.part_region = raked.part_region
        and parts.part_sector = raked.part_sector and parts.part_size = raked.part_size and raked.uses
    left join given
        on parts.part_region = given.region and parts.part_sector = given.sector and parts.part_size = given.size_class
        and parts.indicator = given.indicator and cast(parts.time_year as varchar) = given.time_period
    where given.region is null
)

select
    raked.publisher,
    raked.indicator,
    raked.part_region as region,
    raked.part_sector as sector,
    raked.part_size as size_class,
    raked.time_year,
    raked.kind,
    raked.whole_region,
    raked.whole_sector,
    raked.method,
    raked.seed_dataset,
    raked.seed_year,
    raked.whole_share,
    raked.margin_scaling,
    raked.enterprises,
    raked.counts_dataset,
    raked.counts_indicator,
    raked.counts_size,
    raked.counts_year,
    raked.enterprise_cells,
    raked.raked as users,
    least(greatest(round(100 * raked.raked / raked.enterprises, 6), 0), 100) as estimated_share,
    raked.raking_rounds,
    raked.raking_error,
    case when raked.kind = 'years' then 'test_years' else 'test_sectors' end as error_test,
    case
        when raked.is_withheld then 'another part of the whole is suppressed: it would follow from this estimate'
        when raked.raking_refusal is not null and raked.whole_share * raked.margin_scaling > 100
            then 'the margins ask for more users than there are enterprises'
        when raked.raking_refusal is not null then raked.raking_refusal
        when raked.enterprises < 10 then 'fewer than 10 enterprises: a percentage of so few says nothing'
    end as refusal,
    raked.provenance
from raked
