-- Regions that are the same under another code of a later version of NUTS. Those that only overlap with later ones, or are
-- divided among them, have no successor.
-- grain: region
-- column region: the code that is no longer in force
-- column successor: the code that took its place
select
    "from" as region,
    "to" as successor
from lake.codelist_relations_regions
where relation = 'equal'
