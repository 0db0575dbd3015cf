-- In which forces the activities of a cluster's members lag, and who in the supplying cluster can help.
-- of: cluster_needs
-- key: cluster, force
select
    cluster,
    force,
    status,
    need_place,
    lag_points,
    lag_points_by_size,
    members,
    members_measured,
    members_below_survey,
    members_not_measured,
    supplier_cluster,
    suppliers,
    supplier_divisions,
    supplier_reasons_es,
    supplier_reasons_en,
    substring("snapshot", 1, 16) as "snapshot",
    provenance
from main.cluster_needs
order by cluster, need_place nulls last, force
