-- Sectors or size classes of a region, to be raked: how the parts differ is that of the country in the same year, the level
-- is what is published of the whole in the region. Parts of a sector (kind sub_sectors) and size classes (sizes); and the
-- nine sectors as if of the region only the total were published, to see how far off that is (test_sectors). By size the
-- country has only the total of all activities: without a cross-table of sector and size the classes are taken to differ
-- alike in all sectors, and the method is independence. A whole that is suppressed gives no table.
-- grain: kind, publisher, indicator, whole_region, whole_sector, time_year, part_region, part_sector, part_size
-- column kind: what the table is for: sub_sectors, sizes or test_sectors
-- column publisher: who published the percentages
-- column indicator: what is measured
-- column whole_region: the region whose total is known
-- column whole_sector: the sector whose total is known
-- column time_year: year of reference
-- column part_region: the region of the part
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
-- audit: enterprises > 0 and margin_scaling = 1
with sections as (
    select total, sector
    from staging.stg_sector_partitions
    where sector_partition = 'sections'
),

sizes as (
    select size_class
    from staging.stg_size_classes
    where size_class in ('10-49', '50-249', 'GE250')
),

members as (
    select 'sub_sectors' as kind, sector as whole_sector, part as part_sector, 'GE10' as part_size
    from staging.stg_subsector_parts
    union all
    select 'test_sectors', total, sector, 'GE10'
    from sections
    union all
    select 'sizes', sectors.sector, sectors.sector, sizes.size_class
    from (select sector from sections union select total from sections) as sectors
    cross join sizes
),

wanted as (
    select members.*, count(*) over (partition by kind, whole_sector) as parts
    from members
),

seeds as (
    select
        wanted.*,
        wholes.publisher, wholes.indicator, wholes.region, wholes.time_year, wholes.share as whole_share,
        wholes."snapshot" as whole_snapshot, wholes.cell as whole_cell,
        coalesce(own.share, totals.share) as seed_share,
        case when own.share is null then 1 else 0 end as without_cross_table,
        case when own.share is null then totals.dataset else own.dataset end as seed_dataset,
        case when own.share is null then totals."snapshot" else own."snapshot" end as "snapshot",
        case when own.share is null then totals.cell else own.cell end as cell,
        greatest(wholes.provenance, case when own.share is null then totals.provenance else own.provenance end) as provenance
    from wanted
    inner join intermediate.int_estimate_series as wholes
        on wanted.whole_sector = wholes.sector and wholes.size_class = 'GE10' and not wholes.is_country
        and wholes.share is not null
    left join intermediate.int_estimate_series as own
        on wholes.publisher = own.publisher and wholes.indicator = own.indicator and wholes.time_year = own.time_year
        and wanted.part_sector = own.sector and wanted.part_size = own.size_class and own.is_country
    left join intermediate.int_estimate_series as totals
        on wholes.publisher = totals.publisher and wholes.indicator = totals.indicator
        and wholes.time_year = totals.time_year and wanted.part_size = totals.size_class and totals.is_country
        and totals.sector in (select total from sections) and wanted.kind = 'sizes'
),

weighed as (
    select
        seeds.*,
        counts.enterprises, counts.cells, counts.dataset as counts_dataset, counts.indicator as counts_indicator,
        counts.size_basis as counts_size, counts.time_year as counts_year, counts.basis_place,
        greatest(seeds.provenance, counts.provenance) as all_provenance,
        max(seeds.without_cross_table) over candidate as independent,
        count(*) over candidate as found
    from seeds
    inner join intermediate.int_estimate_counts as counts
        on seeds.region = counts.region and seeds.part_sector = counts.sector and seeds.part_size = counts.size_class
    where seeds.seed_share is not null
    window candidate as (
        partition by seeds.kind, seeds.publisher, seeds.indicator, seeds.region, seeds.whole_sector, seeds.time_year,
            counts.dataset, counts.indicator, counts.size_basis, counts.time_year
    )
),

chosen as (
    select
        weighed.*,
        dense_rank() over (
            partition by weighed.kind, weighed.publisher, weighed.indicator, weighed.region, weighed.whole_sector,
                weighed.time_year
            order by weighed.basis_place, denominators.preference, abs(weighed.counts_year - weighed.time_year),
                weighed.counts_year, tables.preference, weighed.counts_dataset, weighed.counts_indicator, weighed.counts_size
        ) as choice
    from weighed
    inner join staging.stg_denominators as denominators on weighed.counts_indicator = denominators.indicator
    left join intermediate.int_count_tables as tables on weighed.counts_dataset = tables.dataset
    where weighed.found = weighed.parts
)

select
    kind,
    publisher,
    indicator,
    region as whole_region,
    whole_sector,
    time_year,
    region as part_region,
    part_sector,
    part_size,
    time_year as seed_year,
    case when independent = 1 then 'independence' else 'spree' end as method,
    enterprises,
    seed_share,
    whole_share,
    cast(1 as double) as margin_scaling,
    counts_dataset,
    counts_indicator,
    counts_size,
    counts_year,
    cells as enterprise_cells,
    seed_dataset,
    "snapshot",
    cell,
    whole_snapshot,
    whole_cell,
    all_provenance as provenance
from chosen
where choice = 1 and enterprises > 0
