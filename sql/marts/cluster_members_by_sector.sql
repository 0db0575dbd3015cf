-- Members of each cluster by region and activity, on the day of the cluster's newest export.
-- grain: cluster, region, sector
-- column cluster: the cluster
-- column region: NUTS 2 region of the member, or `unknown`
-- column region_name_es: name of the region in Spanish
-- column region_name_en: name of the region in English
-- column sector: NACE division of the member, or `unknown`
-- column sector_scheme: classification of the sector
-- column sector_name_es: name of the sector in Spanish
-- column sector_name_en: name of the sector in English
-- column section: NACE section of the division
-- column members: number of members
-- column provenance: official, or synthetic for the sample's invented export
-- column vintage: UTC time of the export's snapshot
-- column dataset: the export
-- column snapshot: BLAKE3 of the bytes of the export
-- column cell: byte offset of the first member's record in the export
-- column cells: byte offsets of the records of all members counted, with blanks between them
-- audit: members > 0
-- audit: sector = 'unknown' or sector_name_es is not null
-- in es: Socios de cada clúster por región y actividad, en la fecha del fichero de socios más reciente.
-- column cluster in es: clúster
-- column region in es: región NUTS 2 del socio, o `unknown` (desconocida)
-- column region_name_es in es: nombre de la región en español
-- column region_name_en in es: nombre de la región en inglés
-- column sector in es: división de la NACE del socio, o `unknown` (desconocida)
-- column sector_scheme in es: clasificación de la actividad
-- column sector_name_es in es: nombre de la actividad en español
-- column sector_name_en in es: nombre de la actividad en inglés
-- column section in es: sección de la NACE a la que pertenece la división
-- column members in es: número de socios
-- column provenance in es: `official` (oficial), o `synthetic` (sintético) para el fichero inventado de la muestra
-- column vintage in es: momento (UTC) de la descarga del fichero de socios
-- column dataset in es: fichero de socios
-- column snapshot in es: huella BLAKE3 de los bytes del fichero de socios
-- column cell in es: posición del registro del primer socio, en bytes, en el fichero
-- column cells in es: posiciones, en bytes, de los registros de todos los socios contados, separadas por espacios
select
    members.cluster,
    members.region,
    coalesce(regions.region_name_es, 'no consta') as region_name_es,
    coalesce(regions.region_name_en, 'not stated') as region_name_en,
    members.sector,
    members.sector_scheme,
    case when members.sector = 'unknown' then 'no consta' else sectors.sector_name_es end as sector_name_es,
    case when members.sector = 'unknown' then 'not stated' else sectors.sector_name_en end as sector_name_en,
    sectors.section,
    count(*) as members,
    members.provenance,
    members.vintage,
    members.dataset,
    members."snapshot",
    min(members.cell) as cell,
    string_agg(cast(members.cell as varchar), ' ' order by members.cell) as cells
from intermediate.int_members as members
left join staging.stg_regions as regions on members.region = regions.region
left join staging.stg_sectors as sectors
    on members.sector = sectors.sector
    and members.sector_scheme = sectors.sector_scheme
group by
    members.cluster,
    members.region,
    regions.region_name_es,
    regions.region_name_en,
    members.sector,
    members.sector_scheme,
    sectors.sector_name_es,
    sectors.sector_name_en,
    sectors.section,
    members.provenance,
    members.vintage,
    members.dataset,
    members."snapshot"
