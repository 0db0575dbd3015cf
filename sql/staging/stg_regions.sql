-- Regions and countries.
-- grain: region
-- column region: NUTS 2024 or country code
-- column region_level: country, aggregate, nuts1, nuts2 or nuts3
-- column parent: code of the region that it lies in; null of a country
-- column country: code of its country
-- column region_name_es: name in Spanish
-- column region_name_en: name in English
select
    code as region,
    "level" as region_level,
    parent,
    country,
    label_es as region_name_es,
    label_en as region_name_en
from lake.codelist_regions
