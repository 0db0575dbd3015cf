-- What each sector adds to the gap between a region and its country: through its weight in the region (mix), and through
-- adoption in it (within). Of all partitions and counts of enterprises with which this can be computed whole, those come
-- first whose count is nearest in size to the enterprises of the survey: weights of all sizes are those of the smallest, which
-- it does not ask. Of these the finest partition is taken, then enterprises before local units, then the newest count; of one
-- year, that of the source with the lower preference.
-- grain: publisher, indicator, unit, size_class, sector_scheme, total, region, time_year, sector
-- column publisher: who published the shares
-- column indicator: what is measured
-- column unit: percentage of enterprises
-- column size_class: persons employed
-- column sector_scheme: classification
-- column total: code of the total of all activities
-- column region: NUTS 2 region
-- column time_year: year of reference
-- column sector: one sector of the partition
-- column sector_partition: name of the partition
-- column weights_dataset: the table with the counts of enterprises
-- column weights_indicator: what is counted there
-- column weights_size: of which size
-- column weights_year: of which year; the newest one up to the year of reference
-- column enterprises: enterprises of the sector in the region
-- column country_enterprises: enterprises of the sector in the country
-- column weight: share of the region's enterprises that are of the sector, 0 to 1
-- column country_weight: share of the country's enterprises that are of the sector, 0 to 1
-- column share: percentage of the region's enterprises of the sector
-- column country_share: percentage of the country's enterprises of the sector
-- column mix_points: the sector's part of the gap by its weight, in points
-- column within_points: the sector's part of the gap by adoption in it, in points
-- column snapshot: BLAKE3 of the bytes that the region's percentage was read from
-- column cell: byte offset of the value there
-- column country_snapshot: BLAKE3 of the bytes that the country's percentage was read from
-- column country_cell: byte offset of the value there
-- column weight_cells: the cells of the region's count, each as snapshot:cell
-- column country_weight_cells: the cells of the country's count, each as snapshot:cell
-- column provenance: official if everything is, otherwise synthetic
-- audit: weight between 0 and 1 and country_weight between 0 and 1
-- audit: weights_year <= time_year
with totals as (
    select distinct
        compared.publisher, compared.indicator, compared.unit, compared.size_class, compared.sector_scheme,
        compared.sector as total, compared.region, compared.country, compared.time_year,
        compared.country_share as country_total_share
    from intermediate.int_comparisons as compared
    inner join staging.stg_sector_partitions as partitions on compared.sector = partitions.total
    -- Counts of enterprises weigh percentages of enterprises only, and only of the size that they count.
    where compared.region_level = 'nuts2' and compared.unit = 'PC_ENT' and compared.size_class = 'GE10'
        and compared.share is not null and compared.country_share is not null
),

sizes as (
    select total, sector_partition, count(*) as sectors
    from staging.stg_sector_partitions
    group by total, sector_partition
),

-- Percentages of all sectors of a partition, in the region and in its country.
measured as (
    select
        totals.publisher,
        totals.indicator,
        totals.unit,
        totals.size_class,
        totals.sector_scheme,
        totals.total,
        totals.region,
        totals.country,
        totals.time_year,
        totals.country_total_share,
        partitions.sector_partition,
        partitions.place
    from totals
    inner join staging.stg_sector_partitions as partitions on totals.total = partitions.total
    inner join sizes on partitions.total = sizes.total and partitions.sector_partition = sizes.sector_partition
    inner join intermediate.int_comparisons as parts
        on totals.publisher = parts.publisher
        and totals.indicator = parts.indicator
        and totals.unit = parts.unit
        and totals.size_class = parts.size_class
        and totals.sector_scheme = parts.sector_scheme
        and partitions.sector = parts.sector
        and totals.region = parts.region
        and totals.time_year = parts.time_year
    where parts.share is not null and parts.country_share is not null
    group by
        totals.publisher, totals.indicator, totals.unit, totals.size_class, totals.sector_scheme, totals.total,
        totals.region, totals.country, totals.time_year, totals.country_total_share, partitions.sector_partition,
        partitions.place, sizes.sectors
    having count(*) = sizes.sectors
),

-- Counts of all sectors of a partition, in the region and in its country.
counted as (
    select
        partitions.total,
        partitions.sector_partition,
        places.region,
        places.country,
        weights.sector_scheme,
        weights.dataset as weights_dataset,
        weights.indicator as weights_indicator,
        weights.size_basis as weights_size,
        weights.basis_place,
        weights.time_year as weights_year,
        cast(sum(weights.enterprises) as double) as all_enterprises,
        cast(sum(country_weights.enterprises) as double) as all_country_enterprises
    from (select distinct region, country from totals) as places
    inner join intermediate.int_sector_weights as weights on places.region = weights.region
    inner join intermediate.int_sector_weights as country_weights
        on weights.dataset = country_weights.dataset
        and weights.indicator = country_weights.indicator
        and weights.size_basis = country_weights.size_basis
        and weights.time_year = country_weights.time_year
        and weights.sector_scheme = country_weights.sector_scheme
        and weights.sector = country_weights.sector
        and places.country = country_weights.region
    inner join staging.stg_sector_partitions as partitions on weights.sector = partitions.sector
    inner join sizes on partitions.total = sizes.total and partitions.sector_partition = sizes.sector_partition
    group by
        partitions.total, partitions.sector_partition, sizes.sectors, places.region, places.country,
        weights.sector_scheme, weights.dataset, weights.indicator, weights.size_basis, weights.basis_place,
        weights.time_year
    having count(*) = sizes.sectors and sum(weights.enterprises) > 0 and sum(country_weights.enterprises) > 0
),

ranked as (
    select
        measured.*,
        counted.weights_dataset,
        counted.weights_indicator,
        counted.weights_size,
        counted.weights_year,
        counted.all_enterprises,
        counted.all_country_enterprises,
        dense_rank() over (
            partition by measured.publisher, measured.indicator, measured.unit, measured.size_class,
                measured.sector_scheme, measured.total, measured.region, measured.time_year
            order by
                counted.basis_place, measured.place, denominators.preference, counted.weights_year desc,
                tables.preference, counted.weights_dataset, counted.weights_indicator, counted.weights_size
        ) as choice
    from measured
    inner join counted
        on measured.total = counted.total
        and measured.sector_partition = counted.sector_partition
        and measured.sector_scheme = counted.sector_scheme
        and measured.region = counted.region
        and measured.country = counted.country
        and counted.weights_year <= measured.time_year
    inner join staging.stg_denominators as denominators on counted.weights_indicator = denominators.indicator
    left join intermediate.int_count_tables as tables on counted.weights_dataset = tables.dataset
),

chosen as (
    select
        ranked.*,
        partitions.sector,
        weights.enterprises,
        country_weights.enterprises as country_enterprises,
        cast(weights.enterprises as double) / ranked.all_enterprises as weight,
        cast(country_weights.enterprises as double) / ranked.all_country_enterprises as country_weight,
        parts.share,
        parts.country_share,
        parts."snapshot",
        parts.cell,
        parts.country_snapshot,
        parts.country_cell,
        weights.cells as weight_cells,
        country_weights.cells as country_weight_cells,
        greatest(parts.provenance, parts.country_provenance, weights.provenance, country_weights.provenance) as provenance
    from ranked
    inner join staging.stg_sector_partitions as partitions
        on ranked.total = partitions.total
        and ranked.sector_partition = partitions.sector_partition
    inner join intermediate.int_comparisons as parts
        on ranked.publisher = parts.publisher
        and ranked.indicator = parts.indicator
        and ranked.unit = parts.unit
        and ranked.size_class = parts.size_class
        and ranked.sector_scheme = parts.sector_scheme
        and partitions.sector = parts.sector
        and ranked.region = parts.region
        and ranked.time_year = parts.time_year
    inner join intermediate.int_sector_weights as weights
        on ranked.weights_dataset = weights.dataset
        and ranked.weights_indicator = weights.indicator
        and ranked.weights_size = weights.size_basis
        and ranked.weights_year = weights.time_year
        and ranked.sector_scheme = weights.sector_scheme
        and partitions.sector = weights.sector
        and ranked.region = weights.region
    inner join intermediate.int_sector_weights as country_weights
        on ranked.weights_dataset = country_weights.dataset
        and ranked.weights_indicator = country_weights.indicator
        and ranked.weights_size = country_weights.size_basis
        and ranked.weights_year = country_weights.time_year
        and ranked.sector_scheme = country_weights.sector_scheme
        and partitions.sector = country_weights.sector
        and ranked.country = country_weights.region
    where ranked.choice = 1
)

select
    publisher,
    indicator,
    unit,
    size_class,
    sector_scheme,
    total,
    region,
    time_year,
    sector,
    sector_partition,
    weights_dataset,
    weights_indicator,
    weights_size,
    weights_year,
    enterprises,
    country_enterprises,
    weight,
    country_weight,
    share,
    country_share,
    -- Half of region and half of country in each part, so that nothing is left over between both. A sector counts as
    -- heavy in the mix only as far as its adoption is above the country's average.
    cast((weight - country_weight) * ((share + country_share) / cast(2 as double) - country_total_share)
        as decimal(18, 6)) as mix_points,
    cast((weight + country_weight) / cast(2 as double) * (share - country_share) as decimal(18, 6)) as within_points,
    "snapshot",
    cell,
    country_snapshot,
    country_cell,
    weight_cells,
    country_weight_cells,
    provenance
from chosen
