-- Members of the supplying clusters with each driving force that they serve: the forces that a member itself declares; of a
-- member that declares none, those that its activity suggests. Of a force that no member of the cluster declares the export does
-- not ask: there the activity stands for all.
-- grain: cluster, member, force
-- private: one row a member and force
-- column cluster: the cluster that supplies
-- column member: keyed hash that tells members apart
-- column force: the driving force
-- column basis: declared (by the member, in any of its records in the newest export) or activity (a presumption)
-- column division: NACE Rev. 2 division that suggests it; null where it is declared
-- column region: NUTS 2 region of the member, or `unknown`
-- column vintage: UTC time of the export's snapshot
-- column provenance: official or synthetic
-- audit: basis in ('declared', 'activity')
with supplying as (
    select distinct cluster
    from staging.stg_force_supply
),

declared as (
    select distinct records.cluster, records.member, forces.force
    from intermediate.int_member_records as records
    inner join supplying on records.cluster = supplying.cluster
    inner join staging.stg_member_forces as forces
        on records.cluster = forces.cluster and records.vintage = forces.vintage and records.cell = forces.cell
    where records.is_current and records.is_present
),

declaring as (
    select distinct cluster, member
    from declared
),

asked as (
    select distinct cluster, force
    from declared
)

select
    members.cluster,
    members.member,
    declared.force,
    'declared' as basis,
    cast(null as varchar) as division,
    members.region,
    members.vintage,
    members.provenance
from intermediate.int_member_profiles as members
inner join declared on members.cluster = declared.cluster and members.member = declared.member
union all
select
    members.cluster,
    members.member,
    supply.force,
    'activity' as basis,
    members.division,
    members.region,
    members.vintage,
    members.provenance
from intermediate.int_member_profiles as members
inner join staging.stg_force_supply as supply
    on members.cluster = supply.cluster and members.division = supply.division
left join declaring on members.cluster = declaring.cluster and members.member = declaring.member
left join asked on supply.cluster = asked.cluster and supply.force = asked.force
where declaring.member is null or asked.force is null
