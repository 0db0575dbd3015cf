-- The driving forces of digitalisation, in the order in which they are told.
-- grain: force
-- column force: code
-- column force_position: place in the order, from 1
-- column statistic_level: the finest level at which an official statistic measures it: region, country or none
-- column force_name_es: name in Spanish
-- column force_name_en: name in English
-- column statement_es: what measures it, or that nothing does, in Spanish
-- column statement_en: what measures it, or that nothing does, in English
select
    code as force,
    cast(position as integer) as force_position,
    statistic_level,
    label_es as force_name_es,
    label_en as force_name_en,
    statement_es,
    statement_en
from lake.codelist_driving_forces
