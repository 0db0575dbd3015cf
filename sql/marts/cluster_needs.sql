-- The driving forces in which the sectors of each industrial cluster's members lag most behind the country, beside the
-- members of the supplying cluster who serve the force: as they declare, or as their activity suggests. The survey knows
-- sectors, not members: a need is that of the enterprises of a member's sector and region. Members with fewer than 10 persons
-- employed are outside the survey.
-- grain: cluster, force
-- column cluster: the industrial cluster
-- column force: the driving force
-- column force_name_es: its name in Spanish
-- column force_name_en: its name in English
-- column status: measured; no_data (no value for any member's sector); no_statistic (nothing measures the force by region)
-- column statement_es: what measures the force, or that nothing does, in Spanish
-- column statement_en: what measures the force, or that nothing does, in English
-- column need_place: place of the force by compared_lag_points among those of the cluster, 1 has the largest lag; null where it
--   is not measured, or no member is measured in all of the cluster's measured forces
-- column compared_lag_points: mean lag of those members only that every measured force of the cluster is measured for, so that
--   forces are compared over the same members; null where there are none
-- column lag_points: mean lag of the members' sectors behind the country, in points, each member counting once; below 0 they
--   are ahead
-- column lag_points_by_size: the same, each member counting as often as its size class has persons employed at least (10, 50,
--   250); members of unknown size do not count
-- column members: members of the cluster
-- column members_measured: members whose sector has a value in their region
-- column members_compared: members whose sector has one in every force that is measured for any member of the cluster
-- column members_below_survey: members with fewer than 10 persons employed
-- column members_not_measured: the rest: activity or region unknown, or outside the survey
-- column export_vintage: UTC time of the cluster's export
-- column export_dataset: the cluster's export
-- column snapshot: BLAKE3 of its bytes
-- column supplier_cluster: the cluster that supplies
-- column suppliers: its members who serve the force
-- column suppliers_declared: of these, who say so themselves; the activity of the others suggests it, who say nothing of forces or
--   are not asked for this one
-- column supplier_divisions: divisions of these others with the number of members
-- column supplier_reasons_es: why these divisions serve the force, in Spanish
-- column supplier_reasons_en: why these divisions serve the force, in English
-- column supplier_export_vintage: UTC time of its export
-- column provenance: official if all exports and values are, otherwise synthetic
-- audit: suppliers_declared between 0 and suppliers
-- audit: members = members_measured + members_below_survey + members_not_measured
-- audit: (status = 'measured') = (lag_points is not null)
-- audit: lag_points is null or lag_points between -100 and 100
-- audit: need_place is null or need_place >= 1
-- audit: (need_place is null) = (compared_lag_points is null)
-- audit: members_compared <= members_measured or status <> 'measured'
-- audit: force <> 'quantum_computing' or status = 'no_statistic'
-- inputs: cluster_need_sectors on cluster, force weight members
-- in es: Las fuerzas motrices en que las actividades de los socios de cada clúster industrial van más por detrás del país,
--   junto a los socios del clúster proveedor que las cubren, según declaran o según sugiere su actividad. La encuesta conoce
--   actividades, no socios: una necesidad es la de las empresas de la actividad y región del socio. Los socios con menos de 10
--   personas ocupadas quedan fuera de la encuesta.
-- column cluster in es: clúster industrial
-- column force in es: fuerza motriz
-- column force_name_es in es: su nombre en español
-- column force_name_en in es: su nombre en inglés
-- column status in es: `measured` (medida); `no_data` (sin valor para la actividad de ningún socio); `no_statistic` (nada mide
--   la fuerza por regiones)
-- column statement_es in es: qué mide la fuerza, o que nada la mide, en español
-- column statement_en in es: qué mide la fuerza, o que nada la mide, en inglés
-- column need_place in es: puesto de la fuerza por `compared_lag_points` entre las del clúster; 1 es la de mayor retraso; nulo
--   si no se mide, o si ningún socio está medido en todas las fuerzas medidas del clúster
-- column compared_lag_points in es: retraso medio solo de los socios para los que se miden todas las fuerzas medidas del
--   clúster, para comparar las fuerzas sobre los mismos socios; nulo si no hay ninguno
-- column lag_points in es: retraso medio de las actividades de los socios frente al país, en puntos; cada socio cuenta una vez;
--   por debajo de 0 van por delante
-- column lag_points_by_size in es: lo mismo, contando cada socio tantas veces como personas ocupadas tiene al menos su tramo de
--   tamaño (10, 50, 250); los de tamaño desconocido no cuentan
-- column members in es: socios del clúster
-- column members_measured in es: socios cuya actividad tiene valor en su región
-- column members_compared in es: socios cuya actividad lo tiene en todas las fuerzas que se miden para algún socio del clúster
-- column members_below_survey in es: socios con menos de 10 personas ocupadas
-- column members_not_measured in es: el resto: de actividad o región desconocida, o fuera de la encuesta
-- column export_vintage in es: momento (UTC) del fichero de socios del clúster
-- column export_dataset in es: fichero de socios del clúster
-- column snapshot in es: huella BLAKE3 de sus bytes
-- column supplier_cluster in es: clúster proveedor
-- column suppliers in es: socios suyos que cubren la fuerza
-- column suppliers_declared in es: de ellos, los que lo declaran; de los demás lo sugiere su actividad: no dicen nada de
--   fuerzas o no se les pregunta por esta
-- column supplier_divisions in es: divisiones de estos últimos, con el número de socios
-- column supplier_reasons_es in es: por qué estas divisiones cubren la fuerza, en español
-- column supplier_reasons_en in es: por qué estas divisiones cubren la fuerza, en inglés
-- column supplier_export_vintage in es: momento (UTC) de su fichero de socios
-- column provenance in es: `official` (oficial) si lo son todos los ficheros y valores; si no, `synthetic` (sintético)
with supplying as (
    select distinct cluster
    from staging.stg_force_supply
),

members as (
    select
        members.*,
        case when sizes.persons_min >= 10 then sizes.persons_min end as persons,
        coalesce(sizes.persons_min < 10, false) as is_small
    from intermediate.int_member_profiles as members
    left join supplying on members.cluster = supplying.cluster
    left join staging.stg_size_classes as sizes on members.size_class = sizes.size_class
    where supplying.cluster is null
),

needs as (
    select
        members.cluster,
        forces.force,
        members.vintage,
        members.dataset,
        members."snapshot",
        count(*) as members,
        sum(case when members.is_small then 1 else 0 end) as small,
        -- Decimals: the mean must not depend on the order of members.
        sum(case when not members.is_small then needs.lag_points * cast(members.persons as decimal(8, 0)) end) as sized_lag,
        sum(case when not members.is_small and needs.lag_points is not null then members.persons end) as persons,
        max(greatest(members.provenance, coalesce(needs.provenance, 'official'))) as provenance
    from members
    cross join staging.stg_driving_forces as forces
    left join intermediate.int_need_sectors as needs
        on members.region = needs.region
        and members.sector_scheme = needs.member_scheme
        and members.sector = needs.member_sector
        and forces.force = needs.force
    group by members.cluster, forces.force, members.vintage, members.dataset, members."snapshot"
),

-- The lag of each member that the survey asks, in each force that its sector has a value of.
lags as (
    select members.cluster, members.member, needs.force, needs.lag_points
    from members
    inner join intermediate.int_need_sectors as needs
        on members.region = needs.region
        and members.sector_scheme = needs.member_scheme
        and members.sector = needs.member_sector
    where not members.is_small
),

forces_of_cluster as (
    select cluster, count(distinct force) as forces
    from lags
    group by cluster
),

compared_members as (
    select lags.cluster, lags.member
    from lags
    inner join forces_of_cluster on lags.cluster = forces_of_cluster.cluster
    group by lags.cluster, lags.member, forces_of_cluster.forces
    having count(*) = forces_of_cluster.forces
),

compared as (
    select
        lags.cluster,
        lags.force,
        count(*) as members,
        sum(cast(lags.lag_points as decimal(12, 6))) as lag
    from lags
    inner join compared_members on lags.cluster = compared_members.cluster and lags.member = compared_members.member
    group by lags.cluster, lags.force
),

measured as (
    select
        cluster,
        force,
        sum(members) as measured,
        sum(cast(lag_points as decimal(12, 6)) * cast(members as decimal(8, 0))) as lag
    from cluster_need_sectors
    group by cluster, force
),

by_division as (
    select suppliers.cluster, suppliers.force, suppliers.division, supply.reason_es, supply.reason_en, count(*) as suppliers
    from intermediate.int_force_suppliers as suppliers
    inner join staging.stg_force_supply as supply
        on suppliers.cluster = supply.cluster and suppliers.force = supply.force and suppliers.division = supply.division
    where suppliers.basis = 'activity'
    group by suppliers.cluster, suppliers.force, suppliers.division, supply.reason_es, supply.reason_en
),

reasons as (
    select
        cluster,
        force,
        string_agg(division || ': ' || cast(suppliers as varchar), ', ' order by division) as divisions,
        string_agg(division || ': ' || reason_es, '; ' order by division) as reasons_es,
        string_agg(division || ': ' || reason_en, '; ' order by division) as reasons_en
    from by_division
    group by cluster, force
),

supply as (
    select
        cluster,
        force,
        count(*) as suppliers,
        sum(case when basis = 'declared' then 1 else 0 end) as declared,
        max(vintage) as vintage,
        max(provenance) as provenance
    from intermediate.int_force_suppliers
    group by cluster, force
)

select
    needs.cluster,
    needs.force,
    forces.force_name_es,
    forces.force_name_en,
    case
        when measured.measured > 0 then 'measured'
        when forces.statistic_level = 'region' then 'no_data'
        else 'no_statistic'
    end as status,
    forces.statement_es,
    forces.statement_en,
    case
        when compared.members > 0 then
            rank() over (
                partition by needs.cluster
                order by cast(compared.lag as double) / cast(compared.members as double) desc nulls last
            )
    end as need_place,
    cast(compared.lag as double) / cast(nullif(compared.members, 0) as double) as compared_lag_points,
    cast(measured.lag as double) / cast(measured.measured as double) as lag_points,
    cast(needs.sized_lag as double) / cast(nullif(needs.persons, 0) as double) as lag_points_by_size,
    cast(needs.members as bigint) as members,
    cast(coalesce(measured.measured, 0) as bigint) as members_measured,
    cast(coalesce(compared.members, 0) as bigint) as members_compared,
    cast(needs.small as bigint) as members_below_survey,
    cast(needs.members - coalesce(measured.measured, 0) - needs.small as bigint) as members_not_measured,
    needs.vintage as export_vintage,
    needs.dataset as export_dataset,
    needs."snapshot",
    supply.cluster as supplier_cluster,
    cast(coalesce(supply.suppliers, 0) as bigint) as suppliers,
    cast(coalesce(supply.declared, 0) as bigint) as suppliers_declared,
    reasons.divisions as supplier_divisions,
    reasons.reasons_es as supplier_reasons_es,
    reasons.reasons_en as supplier_reasons_en,
    supply.vintage as supplier_export_vintage,
    greatest(needs.provenance, coalesce(supply.provenance, 'official')) as provenance
from needs
inner join staging.stg_driving_forces as forces on needs.force = forces.force
left join measured on needs.cluster = measured.cluster and needs.force = measured.force
left join compared on needs.cluster = compared.cluster and needs.force = compared.force
left join supply on needs.force = supply.force
left join reasons on supply.cluster = reasons.cluster and supply.force = reasons.force
