-- Every membership of the newest export of each cluster.
-- grain: cluster, snapshot, cell
-- private: one row a member
-- column pipeline: who delivered it
-- column dataset: the export
-- column cluster: the cluster
-- column member: keyed hash of the tax number
-- column activity: NACE division; null where the export does not say
-- column sector_scheme: classification of the activity
-- column region: NUTS 2 region; null where it is not known
-- column size_class: persons employed; null where it is not known
-- column joined: day of joining
-- column left_on: day of leaving; null for those who are members
-- column vintage: UTC time of the export's snapshot
-- column snapshot: BLAKE3 of the export's bytes
-- column cell: byte offset of the record in the export
-- column provenance: official or synthetic
select
    pipeline,
    dataset,
    cluster,
    member,
    activity,
    sector_scheme,
    region,
    size_class,
    joined,
    left_on,
    vintage,
    "snapshot",
    cell,
    provenance
from lake.memberships
