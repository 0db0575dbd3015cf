-- Units.
-- grain: unit
-- column unit: code
-- column unit_name_es: name in Spanish
-- column unit_name_en: name in English
-- column universe: what a percentage is a percentage of
select
    code as unit,
    label_es as unit_name_es,
    label_en as unit_name_en,
    universe
from lake.codelist_units
