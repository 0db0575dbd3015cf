-- Which activities of the members of a supplying cluster serve each driving force, and why.
-- grain: cluster, force, division
-- column cluster: the cluster whose members supply
-- column force: the driving force
-- column division: NACE Rev. 2 division
-- column reason_es: why it serves the force, in Spanish
-- column reason_en: why it serves the force, in English
select
    cluster,
    force,
    division,
    reason_es,
    reason_en
from lake.codelist_force_supply_parts
