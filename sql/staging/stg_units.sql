-- Units.
-- grain: unit
-- column unit: code
-- column unit_name_es: name in Spanish
-- column unit_name_en: name in English
-- column universe: what a percentage is a percentage of; null of what is none: a number counts what its indicator says
-- column tolerance: two sources that differ by no more than this, in the unit, give the same figure
select
    code as unit,
    label_es as unit_name_es,
    label_en as unit_name_en,
    universe,
    cast(tolerance as double) as tolerance
from lake.codelist_units
