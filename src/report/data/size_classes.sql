-- Names of the size classes.
-- key: size_class
select code as size_class, label_es as name_es, label_en as name_en
from lake.codelist_size_classes
order by code
