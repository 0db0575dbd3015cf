-- The sectors behind cluster_needs: in each, how many members a cluster has, and what separates the region's enterprises of
-- the sector from the country's in the lead indicator of each driving force.
-- grain: cluster, force, region, sector
-- column cluster: the industrial cluster
-- column force: the driving force
-- column force_name_es: its name in Spanish
-- column force_name_en: its name in English
-- column region: NUTS 2 region of the members
-- column sector: the sector of the survey that the members' divisions stand in
-- column sector_name_es: its name in Spanish
-- column sector_name_en: its name in English
-- column members: members of the sector with 10 persons employed or more, or of unknown size
-- column indicator: the lead indicator of the force
-- column unit: unit of it
-- column time_period: the newest year in which region and country have a value of a sector of these members
-- column share: percentage of the region's enterprises of the sector
-- column country_share: percentage of the country's
-- column lag_points: the country's less the region's, in points; above 0 is a lag
-- column flags: observation flags of the region's value
-- column export_vintage: UTC time of the export's snapshot
-- column snapshot: BLAKE3 of the bytes that the region's value was read from
-- column cell: byte offset of the value there
-- column country_snapshot: BLAKE3 of the bytes of the country's value
-- column country_cell: byte offset of the country's value there
-- column provenance: official if export and values are, otherwise synthetic
-- audit: members > 0
-- audit: abs(country_share - share - lag_points) < 0.0001
-- audit: sector_name_es is not null and force_name_es is not null
-- audit: cell is not null and country_cell is not null
-- in es: Las actividades que hay detrás de `cluster_needs`: cuántos socios tiene el clúster en cada una y qué separa a las
--   empresas de la región de las del país en esa actividad, en el indicador principal de cada fuerza motriz.
-- column cluster in es: clúster industrial
-- column force in es: fuerza motriz
-- column force_name_es in es: su nombre en español
-- column force_name_en in es: su nombre en inglés
-- column region in es: región NUTS 2 de los socios
-- column sector in es: actividad de la encuesta en la que están las divisiones de los socios
-- column sector_name_es in es: su nombre en español
-- column sector_name_en in es: su nombre en inglés
-- column members in es: socios de la actividad con 10 o más personas ocupadas, o de tamaño desconocido
-- column indicator in es: indicador principal de la fuerza
-- column unit in es: unidad del indicador
-- column time_period in es: último año en que la región y el país tienen valor de alguna actividad de estos socios
-- column share in es: porcentaje de las empresas de la actividad en la región
-- column country_share in es: porcentaje de las empresas de la actividad en el país
-- column lag_points in es: el del país menos el de la región, en puntos; más de 0 es un retraso
-- column flags in es: marcas de observación del valor de la región
-- column export_vintage in es: momento (UTC) de la descarga del fichero de socios
-- column snapshot in es: huella BLAKE3 de los bytes de los que se leyó el valor de la región
-- column cell in es: posición del valor, en bytes, en esa descarga
-- column country_snapshot in es: huella BLAKE3 de los bytes del valor del país
-- column country_cell in es: posición del valor del país, en bytes, en esa descarga
-- column provenance in es: `official` (oficial) si lo son el fichero y los valores; si no, `synthetic` (sintético)
with suppliers as (
    select distinct cluster
    from staging.stg_force_supply
)

select
    members.cluster,
    needs.force,
    forces.force_name_es,
    forces.force_name_en,
    needs.region,
    needs.sector,
    sectors.sector_name_es,
    sectors.sector_name_en,
    cast(count(*) as bigint) as members,
    needs.indicator,
    needs.unit,
    cast(needs.time_year as varchar) as time_period,
    needs.share,
    needs.country_share,
    cast(needs.lag_points as double) as lag_points,
    needs.flags,
    members.vintage as export_vintage,
    needs."snapshot",
    needs.cell,
    needs.country_snapshot,
    needs.country_cell,
    greatest(needs.provenance, members.provenance) as provenance
from intermediate.int_member_profiles as members
inner join intermediate.int_need_sectors as needs
    on members.region = needs.region
    and members.sector_scheme = needs.member_scheme
    and members.sector = needs.member_sector
inner join staging.stg_driving_forces as forces on needs.force = forces.force
left join staging.stg_sectors as sectors on sectors.sector_scheme = 'NACE_R2' and needs.sector = sectors.sector
left join suppliers on members.cluster = suppliers.cluster
left join staging.stg_size_classes as sizes on members.size_class = sizes.size_class
where suppliers.cluster is null
    and (sizes.persons_min is null or sizes.persons_min >= 10)
group by
    members.cluster, needs.force, forces.force_name_es, forces.force_name_en, needs.region, needs.sector,
    sectors.sector_name_es, sectors.sector_name_en, needs.indicator, needs.unit, needs.time_year, needs.share,
    needs.country_share, needs.lag_points, needs.flags, members.vintage, needs."snapshot", needs.cell,
    needs.country_snapshot, needs.country_cell, needs.provenance, members.provenance
