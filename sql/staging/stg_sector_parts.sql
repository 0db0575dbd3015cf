-- What sectors are made of: divisions, and groups where a division is not whole.
-- grain: sector_scheme, sector, part
-- column sector_scheme: classification
-- column sector: code of the whole
-- column part: code of a part
select
    scheme as sector_scheme,
    code as sector,
    part
from lake.codelist_sector_parts
