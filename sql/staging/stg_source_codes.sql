-- What the codes of each source's table stand for: the letter of a question in one year's survey, the label of a region.
-- grain: pipeline, dataset, dimension, source_code, canonical_column
-- column pipeline: id of the pipeline whose rules say so
-- column dataset: the source's table id
-- column dimension: the source's name of the dimension
-- column source_code: the code or label as the source writes it
-- column canonical_column: column of observations that it gives
-- column canonical_code: the canonical code
select
    pipeline,
    dataset,
    dimension,
    source_code,
    canonical_column,
    canonical_code
from lake.source_codes
