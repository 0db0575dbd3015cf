-- What each export of a cluster's members says: how many there are, who has come and gone since the one before, and how
-- good its records are.
-- grain: cluster, vintage
-- column cluster: the cluster
-- column vintage: UTC time of the export's snapshot
-- column previous_vintage: that of the export before; null for the first one that is kept
-- column is_current: whether it is the newest one
-- column records: records of members, present or not
-- column members: members present on that day
-- column joined: of these, who was not in the export before; null for the first one
-- column left_since: who was in the export before and is no longer; null for the first one
-- column duplicate_records: records of a member that has an earlier one in the same export
-- column without_number: records without a tax number
-- column wrong_numbers: records whose tax number's control character is wrong
-- column without_activity: records without an activity
-- column without_region: records whose region is not known
-- column dataset: the export
-- column snapshot: BLAKE3 of its bytes
-- column provenance: official, or synthetic for the sample's invented export
-- audit: members <= records and duplicate_records < records
-- audit: joined is null or joined between 0 and members
-- in es: Qué dice cada fichero de socios de un clúster: cuántos son, quién se ha incorporado y quién se ha ido desde el
--   anterior, y qué calidad tienen sus registros.
-- column cluster in es: clúster
-- column vintage in es: momento (UTC) de la descarga del fichero de socios
-- column previous_vintage in es: momento del fichero anterior; nulo en el primero que se conserva
-- column is_current in es: si es el más reciente
-- column records in es: registros de socios, presentes o no
-- column members in es: socios presentes ese día
-- column joined in es: de ellos, los que no estaban en el fichero anterior; nulo en el primero
-- column left_since in es: los que estaban en el fichero anterior y ya no están; nulo en el primero
-- column duplicate_records in es: registros de un socio que ya tiene otro anterior en el mismo fichero
-- column without_number in es: registros sin NIF
-- column wrong_numbers in es: registros cuyo NIF tiene mal el carácter de control
-- column without_activity in es: registros sin actividad
-- column without_region in es: registros cuya región no se conoce
-- column dataset in es: fichero de socios
-- column snapshot in es: huella BLAKE3 de sus bytes
-- column provenance in es: `official` (oficial), o `synthetic` (sintético) para el fichero inventado de la muestra
with exports as (
    select
        cluster,
        vintage,
        dataset,
        "snapshot",
        provenance,
        is_current,
        count(*) as records,
        count(distinct case when is_present then member end) as members,
        count(duplicate_of) as duplicate_records,
        sum(case when identified_by = 'number' then 0 else 1 end) as without_number,
        sum(case when nif_valid = false then 1 else 0 end) as wrong_numbers,
        sum(case when activity is null then 1 else 0 end) as without_activity,
        sum(case when region is null then 1 else 0 end) as without_region
    from intermediate.int_member_records
    group by cluster, vintage, dataset, "snapshot", provenance, is_current
),

ordered as (
    select cluster, vintage, lag(vintage) over (partition by cluster order by vintage) as previous_vintage
    from exports
),

present as (
    select distinct cluster, vintage, member
    from intermediate.int_member_records
    where is_present
),

arrivals as (
    select ordered.cluster, ordered.vintage, count(*) as members
    from ordered
    inner join present on ordered.cluster = present.cluster and ordered.vintage = present.vintage
    left join present as earlier
        on ordered.cluster = earlier.cluster
        and ordered.previous_vintage = earlier.vintage
        and present.member = earlier.member
    where earlier.member is null
    group by ordered.cluster, ordered.vintage
),

departures as (
    select ordered.cluster, ordered.vintage, count(*) as members
    from ordered
    inner join present as earlier on ordered.cluster = earlier.cluster and ordered.previous_vintage = earlier.vintage
    left join present
        on ordered.cluster = present.cluster
        and ordered.vintage = present.vintage
        and earlier.member = present.member
    where present.member is null
    group by ordered.cluster, ordered.vintage
)

select
    exports.cluster,
    exports.vintage,
    ordered.previous_vintage,
    exports.is_current,
    exports.records,
    exports.members,
    case when ordered.previous_vintage is not null then coalesce(arrivals.members, 0) end as joined,
    case when ordered.previous_vintage is not null then coalesce(departures.members, 0) end as left_since,
    exports.duplicate_records,
    cast(exports.without_number as bigint) as without_number,
    cast(exports.wrong_numbers as bigint) as wrong_numbers,
    cast(exports.without_activity as bigint) as without_activity,
    cast(exports.without_region as bigint) as without_region,
    exports.dataset,
    exports."snapshot",
    exports.provenance
from exports
inner join ordered on exports.cluster = ordered.cluster and exports.vintage = ordered.vintage
left join arrivals on exports.cluster = arrivals.cluster and exports.vintage = arrivals.vintage
left join departures on exports.cluster = departures.cluster and exports.vintage = departures.vintage
