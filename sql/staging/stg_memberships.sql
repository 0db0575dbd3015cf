-- Every membership of every export of each cluster that is kept.
-- grain: cluster, vintage, cell
-- private: one row a member
-- column pipeline: who delivered it
-- column dataset: the export
-- column cluster: the cluster
-- column member: keyed hash of the tax number, or of the name of who has none
-- column identified_by: number or name
-- column name_key: keyed hash of the name without accents, punctuation and legal form
-- column duplicate_of: row of this export that is the same member; null where there is none
-- column nif_valid: whether the tax number's control character is right; null where there is no number
-- column activity: NACE division; null where the export does not say
-- column sector_scheme: classification of the activity
-- column region: NUTS 2 region; null where it is not known
-- column size_class: persons employed; null where it is not known
-- column joined: day of joining
-- column left_on: day of leaving; null for those who are members
-- column vintage: UTC time of the export's snapshot
-- column snapshot: BLAKE3 of the export's bytes
-- column row: number of the record in the export
-- column cell: byte offset of the record in the export
-- column is_current: whether this is the cluster's newest export
-- column provenance: official or synthetic
select
    pipeline,
    dataset,
    cluster,
    member,
    identified_by,
    name_key,
    duplicate_of,
    nif_valid,
    activity,
    sector_scheme,
    region,
    size_class,
    joined,
    left_on,
    vintage,
    "snapshot",
    "row",
    cell,
    is_current,
    provenance
from lake.memberships
