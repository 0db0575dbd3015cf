-- Indicators of ICT use.
-- grain: indicator
-- column indicator: code
-- column technology: the technology that it speaks of
-- column driving_force: the driving force that it belongs to
-- column indicator_name_es: name in Spanish
-- column indicator_name_en: name in English
select
    code as indicator,
    technology,
    driving_force,
    label_es as indicator_name_es,
    label_en as indicator_name_en
from lake.codelist_indicators
