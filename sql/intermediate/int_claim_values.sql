-- What the data says where a published sentence speaks of a cell that is there.
-- grain: claim
-- column claim: the sentence
-- column found_value: the figure; null where the cell has none
-- column country_value: the country's figure beside that of a region
-- column flags: observation flags
-- column source: the pipeline that delivered it
-- column dataset: its table, or the export
-- column vintage: UTC time of the snapshot in which it first stood
-- column snapshot: BLAKE3 of the bytes that it was read from; null for what was counted
-- column cell: byte offset of the value in the decompressed snapshot
-- column country_snapshot: BLAKE3 of the bytes of the country's value
-- column country_cell: byte offset of the country's value there
-- column counted_cells: of a count that is a sum, the cells that were added up, each as snapshot:cell
-- column export_snapshots: of a count of members, BLAKE3 of the exports that were counted
-- column provenance: official or synthetic
-- audit: found_value is null or found_value >= 0
-- audit: (snapshot is null) = (cell is null) and (country_snapshot is null) = (country_cell is null)
with suppliers as (
    select distinct cluster
    from staging.stg_force_supply
),

members as (
    select members.cluster, members.cluster as named, members.member, members.dataset, members.vintage,
        members."snapshot", members.provenance
    from intermediate.int_members as members
    union all
    select members.cluster, 'industrial' as named, members.member, members.dataset, members.vintage,
        members."snapshot", members.provenance
    from intermediate.int_members as members
    left join suppliers on members.cluster = suppliers.cluster
    where suppliers.cluster is null
),

exports as (
    select named, string_agg("snapshot", ' ' order by "snapshot") as export_snapshots
    from (select distinct named, "snapshot" from members) as each_once
    group by named
),

counted as (
    select
        members.named,
        count(distinct members.member) as members,
        count(distinct members.cluster) as clusters,
        max(members.vintage) as vintage,
        max(members.provenance) as provenance
    from members
    group by members.named
),

enterprises as (
    select
        counts.*,
        row_number() over (
            partition by counts.indicator, counts.region, counts.sector, counts.size_basis, counts.time_year
            order by counts.dataset
        ) as choice
    from intermediate.int_enterprise_counts as counts
    where counts.sector_scheme = 'NACE_R2'
)

select
    claims.claim,
    cast(series.share as decimal(18, 6)) as found_value,
    cast(series.country_share as decimal(18, 6)) as country_value,
    series.flags,
    series.source,
    series.dataset,
    series.vintage,
    series."snapshot",
    series.cell,
    series.country_snapshot,
    series.country_cell,
    cast(null as varchar) as counted_cells,
    cast(null as varchar) as export_snapshots,
    greatest(series.provenance, coalesce(series.country_provenance, 'official')) as provenance
from staging.stg_published_claims as claims
inner join intermediate.int_comparisons as series
    on claims.kind = 'share'
    and claims.indicator = series.indicator
    and claims.unit = series.unit
    and claims.region = series.region
    and claims.sector = series.sector
    and claims.size_class = series.size_class
    and claims.publisher = series.publisher
    and claims.time_period = cast(series.time_year as varchar)
    and series.sector_scheme = 'NACE_R2'
union all
select
    claims.claim,
    cast(case when claims.kind = 'members' then counted.members else counted.clusters end as decimal(18, 6)),
    cast(null as decimal(18, 6)),
    cast(null as varchar),
    cast(null as varchar),
    cast(null as varchar),
    counted.vintage,
    cast(null as varchar),
    cast(null as bigint),
    cast(null as varchar),
    cast(null as bigint),
    cast(null as varchar),
    exports.export_snapshots,
    counted.provenance
from staging.stg_published_claims as claims
inner join counted on claims.kind in ('members', 'clusters') and claims.cluster = counted.named
inner join exports on counted.named = exports.named
union all
select
    claims.claim,
    cast(enterprises.enterprises as decimal(18, 6)),
    cast(null as decimal(18, 6)),
    cast(null as varchar),
    enterprises.source,
    enterprises.dataset,
    cast(null as timestamp),
    cast(null as varchar),
    cast(null as bigint),
    cast(null as varchar),
    cast(null as bigint),
    enterprises.cells,
    cast(null as varchar),
    enterprises.provenance
from staging.stg_published_claims as claims
inner join enterprises
    on claims.kind = 'enterprises'
    and enterprises.choice = 1
    and claims.indicator = enterprises.indicator
    and claims.region = enterprises.region
    and claims.sector = enterprises.sector
    and claims.size_class = enterprises.size_basis
    and claims.time_period = cast(enterprises.time_year as varchar)
