-- Targets of the Digital Decade, each with the indicator that tells how far it is.
-- grain: target_measure
-- column target_measure: code of the row
-- column target: the target; one may have several measures
-- column indicator: what is measured
-- column unit: unit, with the percentage's universe
-- column size_class: persons employed
-- column target_share: percentage to be reached
-- column is_exceeded: whether it must be exceeded (more than), not only reached (at least)
-- column target_year: by when
-- column measure: target for the indicator of the target itself, proxy for one that stands in for it
-- column target_name_es: the target in Spanish
-- column target_name_en: the target in English
select
    code as target_measure,
    target,
    indicator,
    unit,
    size_class,
    cast(target_share as double) as target_share,
    is_exceeded = 'true' as is_exceeded,
    cast(target_year as integer) as target_year,
    measure,
    label_es as target_name_es,
    label_en as target_name_en
from lake.codelist_digital_decade_targets
