-- The divisions of groupings of surveys that are no aggregates of NACE.
-- grain: sector, part
-- column sector: code of the grouping
-- column part: NACE Rev. 2 division
select
    code as sector,
    part
from lake.codelist_survey_group_parts
