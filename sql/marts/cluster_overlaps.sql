-- Members that two clusters have in common, as their newest exports say: one row a pair of clusters, in both directions.
-- grain: cluster, other_cluster
-- column cluster: the cluster
-- column other_cluster: the other one
-- column members: members of the cluster
-- column common_members: members of both
-- column common_share: percentage of the cluster's members that are members of the other one, 0 to 100
-- column dataset: the cluster's export
-- column vintage: UTC time of its snapshot
-- column snapshot: BLAKE3 of its bytes
-- column cells: byte offsets of the records of the common members in it, with blanks between them
-- column provenance: official, or synthetic where one of both exports is an invented one
-- audit: common_members between 1 and members
-- audit: common_share between 0 and 100
-- in es: Socios que dos clústeres tienen en común, según sus ficheros más recientes: una fila por par de clústeres, en los dos
--   sentidos.
-- column cluster in es: clúster
-- column other_cluster in es: el otro clúster
-- column members in es: socios del clúster
-- column common_members in es: socios de los dos
-- column common_share in es: porcentaje de los socios del clúster que lo son también del otro, de 0 a 100
-- column dataset in es: fichero de socios del clúster
-- column vintage in es: momento (UTC) de su descarga
-- column snapshot in es: huella BLAKE3 de sus bytes
-- column cells in es: posiciones en él, en bytes, de los registros de los socios comunes, separadas por espacios
-- column provenance in es: `official` (oficial), o `synthetic` (sintético) si uno de los dos ficheros es inventado
with sizes as (
    select cluster, count(*) as members
    from intermediate.int_members
    group by cluster
)

select
    members.cluster,
    others.cluster as other_cluster,
    sizes.members,
    count(*) as common_members,
    cast(100 as double) * count(*) / sizes.members as common_share,
    members.dataset,
    members.vintage,
    members."snapshot",
    string_agg(cast(members.cell as varchar), ' ' order by members.cell) as cells,
    case
        when min(members.provenance) = 'official' and max(members.provenance) = 'official'
            and min(others.provenance) = 'official' and max(others.provenance) = 'official' then 'official'
        else 'synthetic'
    end as provenance
from intermediate.int_members as members
inner join intermediate.int_members as others
    on members.member = others.member
    and members.cluster <> others.cluster
inner join sizes on members.cluster = sizes.cluster
group by members.cluster, others.cluster, sizes.members, members.dataset, members.vintage, members."snapshot"
