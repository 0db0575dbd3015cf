-- How codes of activities relate across classifications and within them.
-- grain: from_scheme, from_sector, relation, to_scheme, to_sector
-- column from_scheme: classification of the first code
-- column from_sector: the first code
-- column relation: equal, contained, contains or overlaps
-- column to_scheme: classification of the second code
-- column to_sector: the second code
select
    from_scheme,
    "from" as from_sector,
    relation,
    to_scheme,
    "to" as to_sector
from lake.codelist_relations_sectors
