-- Activities: NACE sections and divisions, and the groupings of the surveys.
-- grain: sector_scheme, sector
-- column sector_scheme: classification
-- column sector: code
-- column sector_level: section, division, aggregate or survey_group
-- column section: the section of a division; null for anything else
-- column sector_name_es: name in Spanish
-- column sector_name_en: name in English
select
    scheme as sector_scheme,
    code as sector,
    "level" as sector_level,
    case when "level" = 'division' then parent end as section,
    label_es as sector_name_es,
    label_en as sector_name_en
from lake.codelist_sectors
