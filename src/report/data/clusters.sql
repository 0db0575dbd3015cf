-- The newest export of each cluster's members: how many, and how good its records are.
-- of: cluster_exports
-- key: cluster
select
    exports.cluster,
    pipelines.title as title_en,
    pipelines.attribution,
    exports.vintage,
    exports.records,
    exports.members,
    exports.joined,
    exports.left_since,
    exports.duplicate_records,
    exports.without_number,
    exports.wrong_numbers,
    exports.without_activity,
    exports.without_region,
    substring(exports."snapshot", 1, 16) as "snapshot",
    exports.provenance
from main.cluster_exports as exports
left join lake.snapshots as snapshots on exports."snapshot" = snapshots."snapshot"
left join lake.pipelines as pipelines on snapshots.pipeline = pipelines.pipeline
where exports.is_current
order by exports.cluster
