-- What each observation flag says.
-- key: flag
select code as flag, label_es as name_es, label_en as name_en
from lake.codelist_flags
order by code
