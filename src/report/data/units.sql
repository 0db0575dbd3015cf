-- Names of the units.
-- key: unit
select code as unit, label_es as name_es, label_en as name_en
from lake.codelist_units
order by code
