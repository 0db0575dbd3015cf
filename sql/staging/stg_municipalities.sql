-- Municipalities of Spain.
-- grain: municipality
-- column municipality: code of INE
-- column municipality_name: official name
-- column region: NUTS 2 region
select
    code as municipality,
    label as municipality_name,
    region
from lake.codelist_municipalities
