-- The indicators that each driving force is measured by.
-- grain: force, indicator, unit
-- column force: the driving force
-- column indicator: code of the indicator
-- column unit: the one unit in which it counts
-- column role: lead for the indicator that the force is judged by, support for the others
select
    force,
    indicator,
    unit,
    role
from lake.codelist_driving_force_parts
