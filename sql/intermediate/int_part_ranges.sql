-- The lowest and the highest percentage among the parts of a total, where all parts have one: a total must lie between.
-- grain: source, indicator, unit, region, time_year, total_kind, size_class, sector_scheme, sector, parts_of
-- column source: the pipeline
-- column indicator: what is measured
-- column unit: unit, with the percentage's universe
-- column region: NUTS 2024 or country code
-- column time_year: year of reference
-- column total_kind: sector, or size_class for 10 or more persons employed and its three classes
-- column size_class: of the total
-- column sector_scheme: classification of the sector
-- column sector: of the total
-- column parts_of: name of the partition
-- column lowest_share: percentage of the lowest part; of equals, the first by code
-- column lowest_snapshot: BLAKE3 of the bytes that it was read from
-- column lowest_cell: byte offset of it there
-- column highest_share: percentage of the highest part
-- column highest_snapshot: BLAKE3 of the bytes that it was read from
-- column highest_cell: byte offset of it there
-- audit: lowest_share <= highest_share
with sizes as (
    select total, sector_partition, count(*) as parts
    from staging.stg_sector_partitions
    group by total, sector_partition
),

members as (
    select
        series.source, series.indicator, series.unit, series.region, series.time_year,
        'sector' as total_kind,
        series.size_class,
        series.sector_scheme,
        partitions.total as sector,
        partitions.sector_partition as parts_of,
        sizes.parts,
        series.sector as part,
        series.share,
        series."snapshot",
        series.cell
    from intermediate.int_source_series as series
    inner join staging.stg_sector_partitions as partitions
        on series.sector_scheme = 'NACE_R2' and series.sector = partitions.sector
    inner join sizes on partitions.total = sizes.total and partitions.sector_partition = sizes.sector_partition
    union all
    select
        series.source, series.indicator, series.unit, series.region, series.time_year,
        'size_class' as total_kind,
        'GE10' as size_class,
        series.sector_scheme,
        series.sector,
        'three_classes' as parts_of,
        3 as parts,
        series.size_class as part,
        series.share,
        series."snapshot",
        series.cell
    from intermediate.int_source_series as series
    where series.size_class in ('10-49', '50-249', 'GE250')
),

whole as (
    select
        source, indicator, unit, region, time_year, total_kind, size_class, sector_scheme, sector, parts_of,
        min(share) as lowest_share,
        max(share) as highest_share
    from members
    group by source, indicator, unit, region, time_year, total_kind, size_class, sector_scheme, sector, parts_of, parts
    having count(*) = parts
),

-- Where all parts are equal, one row is both ends.
ends as (
    select
        members.*,
        whole.lowest_share,
        whole.highest_share,
        row_number() over (
            partition by members.source, members.indicator, members.unit, members.region, members.time_year,
                members.total_kind, members.size_class, members.sector_scheme, members.sector, members.parts_of,
                members.share
            order by members.part
        ) as place
    from members
    inner join whole
        on members.source = whole.source
        and members.indicator = whole.indicator
        and members.unit = whole.unit
        and members.region = whole.region
        and members.time_year = whole.time_year
        and members.total_kind = whole.total_kind
        and members.size_class = whole.size_class
        and members.sector_scheme = whole.sector_scheme
        and members.sector = whole.sector
        and members.parts_of = whole.parts_of
    where members.share = whole.lowest_share or members.share = whole.highest_share
)

select
    source,
    indicator,
    unit,
    region,
    time_year,
    total_kind,
    size_class,
    sector_scheme,
    sector,
    parts_of,
    lowest_share,
    -- One row each is left by the conditions, so that the maximum is that of one value.
    max(case when share = lowest_share then "snapshot" end) as lowest_snapshot,
    max(case when share = lowest_share then cell end) as lowest_cell,
    highest_share,
    max(case when share = highest_share then "snapshot" end) as highest_snapshot,
    max(case when share = highest_share then cell end) as highest_cell
from ends
where place = 1
group by
    source, indicator, unit, region, time_year, total_kind, size_class, sector_scheme, sector, parts_of, lowest_share,
    highest_share
