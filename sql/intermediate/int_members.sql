-- Members of each cluster on the day of its export: one row a member, whatever the number of its records.
-- grain: cluster, member
-- private: one row a member
-- column cluster: the cluster
-- column member: keyed hash that tells members apart, in all clusters alike
-- column region: NUTS 2 region, or `unknown`
-- column sector: NACE division, or `unknown`
-- column sector_scheme: classification of the sector
-- column records: how many records the export has of it
-- column cell: byte offset of its first record
-- column dataset: the export
-- column vintage: UTC time of the export's snapshot
-- column snapshot: BLAKE3 of the export's bytes
-- column provenance: official or synthetic
-- audit: records > 0
with present as (
    select *
    from intermediate.int_member_records
    where is_current and is_present
),

first_records as (
    select cluster, member, min(cell) as cell, count(*) as records
    from present
    group by cluster, member
)

select
    present.cluster,
    present.member,
    coalesce(present.region, 'unknown') as region,
    coalesce(present.activity, 'unknown') as sector,
    coalesce(present.sector_scheme, 'NACE_R2') as sector_scheme,
    first_records.records,
    present.cell,
    present.dataset,
    present.vintage,
    present."snapshot",
    present.provenance
from present
inner join first_records
    on present.cluster = first_records.cluster
    and present.member = first_records.member
    and present.cell = first_records.cell
