-- Members that two clusters have in common.
-- of: cluster_overlaps
-- key: cluster, other_cluster
select
    cluster,
    other_cluster,
    members,
    common_members,
    common_share,
    substring("snapshot", 1, 16) as "snapshot",
    provenance
from main.cluster_overlaps
order by cluster, other_cluster
