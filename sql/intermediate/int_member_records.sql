-- Every record of every export, with one identity for each member: who has a number in any export is the same member
-- where only the name is given.
-- grain: cluster, vintage, cell
-- private: one row a record of a member
-- column pipeline: who delivered it
-- column dataset: the export
-- column cluster: the cluster
-- column member: keyed hash that tells members apart, in all clusters and exports alike
-- column identified_by: number, name, or `other record` where the number stands in another record
-- column duplicate_of: row of this export that is the same member; null where there is none
-- column nif_valid: whether the tax number's control character is right; null where there is no number
-- column activity: NACE division; null where the export does not say
-- column sector_scheme: classification of the activity
-- column region: NUTS 2 region; null where it is not known
-- column size_class: persons employed; null where it is not known
-- column is_present: whether the member belonged to the cluster when the export was fetched
-- column is_current: whether this is the cluster's newest export
-- column vintage: UTC time of the export's snapshot
-- column snapshot: BLAKE3 of the export's bytes
-- column cell: byte offset of the record in the export
-- column provenance: official or synthetic
with numbered as (
    select name_key, min(member) as member, count(distinct member) as members
    from staging.stg_memberships
    where identified_by = 'number'
    group by name_key
)

select
    records.pipeline,
    records.dataset,
    records.cluster,
    case when numbered.member is null then records.member else numbered.member end as member,
    case when numbered.member is null then records.identified_by else 'other record' end as identified_by,
    records.duplicate_of,
    records.nif_valid,
    records.activity,
    records.sector_scheme,
    records.region,
    records.size_class,
    (records.joined is null or records.joined <= cast(records.vintage as date))
        and (records.left_on is null or records.left_on > cast(records.vintage as date)) as is_present,
    records.is_current,
    records.vintage,
    records."snapshot",
    records.cell,
    records.provenance
from staging.stg_memberships as records
left join numbered
    on records.identified_by = 'name'
    and records.name_key = numbered.name_key
    -- Two companies of one name cannot be told apart by it.
    and numbered.members = 1
