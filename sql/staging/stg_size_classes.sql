-- Size classes by persons employed.
-- grain: size_class
-- column size_class: code
-- column size_class_name_es: name in Spanish
-- column size_class_name_en: name in English
-- column persons_min: persons employed at least; null where it goes by employees
select
    code as size_class,
    label_es as size_class_name_es,
    label_en as size_class_name_en,
    cast(persons_min as integer) as persons_min
from lake.codelist_size_classes
