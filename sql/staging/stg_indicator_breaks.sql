-- The years in which a series of an indicator begins anew, by table.
-- grain: indicator, dataset, break_year
-- column indicator: code of the indicator; * for every indicator of the table
-- column dataset: table id, or the part of a pipeline's name behind its source
-- column break_year: the first year of the new series
-- column reason_es: why, in Spanish
-- column reason_en: why, in English
select
    indicator,
    dataset,
    cast(time_period as integer) as break_year,
    label_es as reason_es,
    label_en as reason_en
from lake.codelist_indicator_breaks
