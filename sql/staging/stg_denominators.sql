-- Indicators that count enterprises, and so can weigh sectors.
-- grain: indicator
-- column indicator: code of the indicator
-- column preference: the lower number is taken first
-- column denominator_name_es: what is counted, in Spanish
-- column denominator_name_en: what is counted, in English
select
    code as indicator,
    cast(preference as integer) as preference,
    label_es as denominator_name_es,
    label_en as denominator_name_en
from lake.codelist_denominators
