-- Which driving forces each record of an export says that its member serves.
-- grain: cluster, vintage, cell, force
-- private: one row a member and force
-- column cluster: the cluster
-- column vintage: UTC time of the export's snapshot
-- column cell: byte offset of the record in the export
-- column force: the driving force
select
    memberships.cluster,
    memberships.vintage,
    memberships.cell,
    forces.code as force
from lake.memberships as memberships
-- The codes stand with blanks between them.
inner join lake.codelist_driving_forces as forces
    on contains(' ' || memberships.declared_forces || ' ', ' ' || forces.code || ' ')
