-- Pipelines, with who publishes their data.
-- grain: pipeline
-- column pipeline: id
-- column publisher: who publishes the data
-- column attribution: how the publisher wants to be named
-- column preference: where several sources give the same cell, the lower number comes first
select
    pipeline,
    publisher,
    attribution,
    preference
from lake.pipelines
