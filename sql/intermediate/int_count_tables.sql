-- Tables that count enterprises, with the preference of their source: an old table and its successor have years in common, of
-- which the preferred source's count is taken.
-- grain: dataset
-- column dataset: the source's table
-- column preference: the lower number is taken first
select
    counts.dataset,
    cast(min(pipelines.preference) as integer) as preference
from intermediate.int_enterprise_counts as counts
inner join staging.stg_pipelines as pipelines on counts.source = pipelines.pipeline
group by counts.dataset
