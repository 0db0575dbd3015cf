-- Members of each cluster with municipality, size class and the division in NACE Rev. 2.
-- grain: cluster, member
-- private: one row a member
-- column cluster: the cluster
-- column member: keyed hash that tells members apart
-- column region: NUTS 2 region, or `unknown`
-- column municipality: code of INE, or `unknown`
-- column sector: NACE division in its own classification, or `unknown`
-- column sector_scheme: that classification
-- column division: NACE Rev. 2 division; null where it is not known, or its division in the other classification does not
--   lie in one of NACE Rev. 2 as a whole
-- column size_class: persons employed, or `unknown`
-- column vintage: UTC time of the export's snapshot
-- column dataset: the export
-- column snapshot: BLAKE3 of the export's bytes
-- column provenance: official or synthetic
select
    members.cluster,
    members.member,
    members.region,
    coalesce(places.municipality, 'unknown') as municipality,
    members.sector,
    members.sector_scheme,
    case
        when members.sector = 'unknown' then cast(null as varchar)
        when members.sector_scheme = 'NACE_R2' then members.sector
        else relations.from_sector
    end as division,
    coalesce(places.size_class, 'unknown') as size_class,
    members.vintage,
    members.dataset,
    members."snapshot",
    members.provenance
from intermediate.int_members as members
inner join staging.stg_member_places as places
    on members.cluster = places.cluster
    and members.vintage = places.vintage
    and members.cell = places.cell
left join staging.stg_sector_relations as relations
    on relations.from_scheme = 'NACE_R2'
    and relations.relation in ('equal', 'contains')
    and members.sector_scheme = relations.to_scheme
    and members.sector = relations.to_sector
