-- Regions of a country by year, to be raked: how much more or less than the country a region used in the nearest year with a
-- table by region is kept, the level is that of the country in the year itself. For years without a table by region (kind
-- years); for years with one, as if there were none, to see how far off it is (test_years). A region that is suppressed in
-- the year of the seed is no part of its own.
-- grain: kind, publisher, indicator, whole_region, whole_sector, time_year, part_region, part_sector, part_size
-- column kind: what the table is for: years or test_years
-- column publisher: who published the percentages
-- column indicator: what is measured
-- column whole_region: the region whose total is known
-- column whole_sector: the sector whose total is known
-- column time_year: year of reference
-- column part_region: the region of the part; _REST is the country without the other parts
-- column part_sector: the sector of the part
-- column part_size: the size class of the part
-- column seed_year: year of the percentages of the seed
-- column method: spree, or independence where there is no cross-table
-- column enterprises: enterprises of the part
-- column seed_share: percentage of the part in the seed
-- column whole_share: published percentage of the whole
-- column margin_scaling: what the users of the whole are multiplied with, so that they agree with the parts; 1 changes nothing
-- column counts_dataset: the table with the counts of enterprises
-- column counts_indicator: what is counted there: enterprises or local units
-- column counts_size: the enterprises that are counted, by size
-- column counts_year: of which year they are
-- column enterprise_cells: the cells of the count, each as snapshot:cell
-- column seed_dataset: the table of the percentage of the seed
-- column snapshot: BLAKE3 of the bytes that the percentage of the seed was read from
-- column cell: byte offset of the value there
-- column whole_snapshot: BLAKE3 of the bytes that the percentage of the whole was read from
-- column whole_cell: byte offset of the value there
-- column provenance: official if everything is, otherwise synthetic
-- audit: enterprises > 0 and seed_year <> time_year
with series as (
    select series.*
    from intermediate.int_estimate_series as series
    inner join (
        select sector from staging.stg_sector_partitions union select total from staging.stg_sector_partitions
    ) as sectors on series.sector = sectors.sector
    where series.size_class = 'GE10'
),

tables as (
    select publisher, indicator, time_year
    from series
    where not is_country
    group by publisher, indicator, time_year
),

seeds as (
    select
        wholes.publisher, wholes.indicator, wholes.sector, wholes.region as whole_region, wholes.time_year,
        wholes.share as whole_share, wholes."snapshot" as whole_snapshot, wholes.cell as whole_cell,
        wholes.provenance as whole_provenance,
        country.time_year as seed_year, country.share as country_share, country.dataset, country."snapshot", country.cell,
        country.provenance,
        row_number() over (
            partition by wholes.publisher, wholes.indicator, wholes.sector, wholes.region, wholes.time_year
            order by abs(country.time_year - wholes.time_year), country.time_year
        ) as choice
    from series as wholes
    inner join series as country
        on wholes.publisher = country.publisher and wholes.indicator = country.indicator
        and wholes.sector = country.sector and wholes.region = country.region and wholes.time_year <> country.time_year
    inner join tables
        on country.publisher = tables.publisher and country.indicator = tables.indicator
        and country.time_year = tables.time_year
    where wholes.is_country and wholes.share is not null and country.share > 0
),

parts as (
    select
        seeds.*,
        regions.region, regions.share as region_share, regions.dataset as region_dataset,
        regions."snapshot" as region_snapshot, regions.cell as region_cell, regions.provenance as region_provenance,
        counts.enterprises, counts.cells, whole_counts.enterprises as whole_enterprises, whole_counts.cells as whole_cells,
        counts.dataset as counts_dataset, counts.indicator as counts_indicator, counts.size_basis as counts_size,
        counts.time_year as counts_year, counts.basis_place,
        greatest(counts.provenance, whole_counts.provenance) as counts_provenance,
        count(*) over (
            partition by seeds.publisher, seeds.indicator, seeds.sector, seeds.whole_region, seeds.time_year,
                counts.dataset, counts.indicator, counts.size_basis, counts.time_year
        ) as regions
    from seeds
    inner join series as regions
        on seeds.publisher = regions.publisher and seeds.indicator = regions.indicator and seeds.sector = regions.sector
        and seeds.seed_year = regions.time_year and not regions.is_country and regions.share is not null
    inner join intermediate.int_estimate_counts as counts
        on seeds.sector = counts.sector and counts.size_class = 'GE10' and regions.region = counts.region
        and counts.enterprises > 0
    inner join intermediate.int_estimate_counts as whole_counts
        on counts.dataset = whole_counts.dataset and counts.indicator = whole_counts.indicator
        and counts.size_basis = whole_counts.size_basis and counts.size_class = whole_counts.size_class
        and counts.sector = whole_counts.sector and counts.time_year = whole_counts.time_year
        and seeds.whole_region = whole_counts.region
    where seeds.choice = 1
),

chosen as (
    select
        parts.*,
        dense_rank() over (
            partition by parts.publisher, parts.indicator, parts.sector, parts.whole_region, parts.time_year
            order by parts.regions desc, parts.basis_place, denominators.preference,
                abs(parts.counts_year - parts.time_year), parts.counts_year, tables.preference, parts.counts_dataset,
                parts.counts_indicator, parts.counts_size
        ) as choice_of_counts
    from parts
    inner join staging.stg_denominators as denominators on parts.counts_indicator = denominators.indicator
    left join intermediate.int_count_tables as tables on parts.counts_dataset = tables.dataset
),

rows_of_parts as (
    select
        publisher, indicator, sector, whole_region, time_year, region as part_region, enterprises, region_share as seed_share,
        region_dataset as seed_dataset, region_snapshot as "snapshot", region_cell as cell, cells as enterprise_cells,
        greatest(region_provenance, provenance, whole_provenance, counts_provenance) as provenance,
        seed_year, whole_share, country_share, whole_snapshot, whole_cell, counts_dataset, counts_indicator, counts_size,
        counts_year
    from chosen
    where choice_of_counts = 1
    union all
    -- The rest has the country's percentage: subtraction would give what is suppressed.
    select
        publisher, indicator, sector, whole_region, time_year, '_REST',
        max(whole_enterprises) - cast(sum(enterprises) as bigint), max(country_share), max(dataset), max("snapshot"),
        max(cell), max(whole_cells), max(greatest(provenance, whole_provenance, counts_provenance)), max(seed_year),
        max(whole_share), max(country_share), max(whole_snapshot), max(whole_cell), max(counts_dataset),
        max(counts_indicator), max(counts_size), max(counts_year)
    from chosen
    where choice_of_counts = 1
    group by publisher, indicator, sector, whole_region, time_year
    having max(whole_enterprises) > sum(enterprises)
)

select
    case when tables.time_year is null then 'years' else 'test_years' end as kind,
    rows_of_parts.publisher,
    rows_of_parts.indicator,
    rows_of_parts.whole_region,
    rows_of_parts.sector as whole_sector,
    rows_of_parts.time_year,
    rows_of_parts.part_region,
    rows_of_parts.sector as part_sector,
    'GE10' as part_size,
    rows_of_parts.seed_year,
    'spree' as method,
    rows_of_parts.enterprises,
    rows_of_parts.seed_share,
    rows_of_parts.whole_share,
    -- In the year of the seed the regions by these counts do not add up to the country by the survey's own weights.
    cast(sum(cast(rows_of_parts.enterprises * rows_of_parts.seed_share as decimal(24, 6))) over whole as double)
        / (cast(sum(rows_of_parts.enterprises) over whole as double) * rows_of_parts.country_share) as margin_scaling,
    rows_of_parts.counts_dataset,
    rows_of_parts.counts_indicator,
    rows_of_parts.counts_size,
    rows_of_parts.counts_year,
    rows_of_parts.enterprise_cells,
    rows_of_parts.seed_dataset,
    rows_of_parts."snapshot",
    rows_of_parts.cell,
    rows_of_parts.whole_snapshot,
    rows_of_parts.whole_cell,
    rows_of_parts.provenance
from rows_of_parts
left join tables
    on rows_of_parts.publisher = tables.publisher and rows_of_parts.indicator = tables.indicator
    and rows_of_parts.time_year = tables.time_year
window whole as (
    partition by rows_of_parts.publisher, rows_of_parts.indicator, rows_of_parts.sector, rows_of_parts.whole_region,
        rows_of_parts.time_year
)
