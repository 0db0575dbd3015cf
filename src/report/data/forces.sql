-- The driving forces in their order, with their lead and support indicators; one that nothing measures has none.
-- key: force, indicator, unit
select
    forces.code as force,
    cast(forces.position as integer) as position,
    forces.label_es as name_es,
    forces.label_en as name_en,
    forces.statement_es,
    forces.statement_en,
    forces.statistic_level,
    parts.indicator,
    parts.unit,
    parts.role
from lake.codelist_driving_forces as forces
left join lake.codelist_driving_force_parts as parts on forces.code = parts.force
order by position, case parts.role when 'lead' then 0 else 1 end, parts.indicator, parts.unit
