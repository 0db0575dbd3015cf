-- The snapshots that the figures were read from: source, table, address, licence. A snapshot is named by the first 16
-- characters of its hash everywhere in the report; here stands the whole of it.
-- key: snapshot
select
    substring(snapshots."snapshot", 1, 16) as "snapshot",
    snapshots."snapshot" as hash,
    snapshots.pipeline,
    snapshots.dataset,
    snapshots.url,
    snapshots.fetched_at,
    snapshots.file,
    pipelines.title as title_en,
    pipelines.title_es,
    pipelines.publisher,
    pipelines.licence as licence_en,
    pipelines.licence_es,
    pipelines.attribution
from lake.snapshots as snapshots
left join lake.pipelines as pipelines on snapshots.pipeline = pipelines.pipeline
order by snapshots.pipeline, snapshots.fetched_at, snapshots."snapshot"
