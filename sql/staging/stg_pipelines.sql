-- Pipelines, with who publishes their data.
-- grain: pipeline
-- column pipeline: id
-- column publisher: who publishes the data
-- column attribution: how the publisher wants to be named
select
    pipeline,
    publisher,
    attribution
from lake.pipelines
