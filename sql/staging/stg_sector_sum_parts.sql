-- The sectors that add up to one between a section and the total of all activities.
-- grain: whole, sector_sum, part
-- column whole: code of the sum
-- column sector_sum: name of the sum
-- column part: one of its sectors
select
    whole,
    "sum" as sector_sum,
    part
from lake.codelist_sector_sum_parts
