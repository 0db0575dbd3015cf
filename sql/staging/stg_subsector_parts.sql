-- The parts that a sector of the regional tables is made of in the national ones. They leave nothing out.
-- grain: sector, part
-- column sector: a sector of the regional tables
-- column part: a sector of the national tables that lies in it
select
    sector,
    part
from lake.codelist_subsector_parts
