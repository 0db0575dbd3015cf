-- Where each record of an export says that its member is, below the region.
-- grain: cluster, vintage, cell
-- private: one row a member
-- column cluster: the cluster
-- column vintage: UTC time of the export's snapshot
-- column cell: byte offset of the record in the export
-- column municipality: code of INE; null where it is not known, or may be of a natural person
-- column size_class: persons employed; null where it is not known
select
    cluster,
    vintage,
    cell,
    municipality,
    size_class
from lake.memberships
