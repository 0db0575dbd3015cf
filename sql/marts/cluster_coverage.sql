-- How many members each cluster has by region, sector, municipality and size class, and what part they are of the
-- enterprises there, where these are counted. One dimension at a time: crossed, the counts would describe single members.
-- Municipalities and size classes with fewer than three members of a region are counted together as `fewer_than_3`. Where these
-- are fewer than three even together, the smallest of the others is counted with them (without others, those of whom it is not
-- known): otherwise one or two members could be found by subtraction from the region. No offsets of records are given, by
-- which the dimensions could be put together again.
-- grain: cluster, region, dimension, code
-- column cluster: the cluster
-- column region: NUTS 2 region of the members, or `unknown`
-- column region_name_es: name of the region in Spanish
-- column region_name_en: name of the region in English
-- column dimension: region (all of them), sector, municipality or size_class
-- column code: code of the municipality or size class; NACE Rev. 2 division, or classification and code of one that
--   does not lie in a single one; the region's own in the dimension region; `unknown`; `fewer_than_3`
-- column name_es: its name in Spanish
-- column name_en: its name in English
-- column members: number of members
-- column enterprises: enterprises of all sizes counted in the same region and sector, or region for all members; null where
--   no table counts them
-- column coverage_percent: members for each hundred of these enterprises; above 100 where members are no enterprises; of all
--   members, also those count that the enterprises leave out: farms, public bodies, associations
-- column enterprises_indicator: what is counted: enterprises or local units
-- column enterprises_dataset: the table with the count
-- column enterprises_year: its year
-- column enterprises_cells: the cells of the count, each as snapshot:cell
-- column vintage: UTC time of the export's snapshot
-- column dataset: the export
-- column snapshot: BLAKE3 of the bytes of the export
-- column provenance: official if export and count are, otherwise synthetic
-- audit: members > 0
-- audit: dimension in ('region', 'sector', 'municipality', 'size_class')
-- audit: (coverage_percent is null) = (enterprises is null)
-- audit: dimension not in ('municipality', 'size_class') or members >= 3 or code in ('unknown', 'fewer_than_3')
-- audit: dimension <> 'sector' or name_es is not null
-- audit warn: coverage_percent is null or coverage_percent <= 100
-- inputs: int_enterprise_counts on cells = enterprises_cells
-- in es: Cuántos socios tiene cada clúster por región, actividad, municipio y tamaño, y qué parte son de las empresas que hay
--   allí, donde están contadas. Una dimensión cada vez: cruzadas, los recuentos describirían a socios concretos. Los municipios
--   y tramos de tamaño con menos de tres socios de una región se cuentan juntos como `fewer_than_3`. Si ni juntos llegan a
--   tres, se cuenta con ellos el menor de los demás (si no hay otros, aquellos de los que no se sabe): de otro modo, uno o dos
--   socios podrían deducirse por resta del total de la región. No se dan posiciones de registros, con las que se podrían volver
--   a unir las dimensiones.
-- column cluster in es: clúster
-- column region in es: región NUTS 2 de los socios, o `unknown` (desconocida)
-- column region_name_es in es: nombre de la región en español
-- column region_name_en in es: nombre de la región en inglés
-- column dimension in es: `region` (todos los socios), `sector` (actividad), `municipality` (municipio) o `size_class` (tamaño)
-- column code in es: código del municipio o del tramo de tamaño; división de la NACE Rev. 2, o clasificación y código de la que
--   no cabe en una sola; el de la propia región en la dimensión `region`; `unknown` (desconocido); `fewer_than_3` (menos de
--   tres)
-- column name_es in es: su nombre en español
-- column name_en in es: su nombre en inglés
-- column members in es: número de socios
-- column enterprises in es: empresas de todos los tamaños contadas en la misma región y actividad, o en la región si son todos
--   los socios; nulo si ninguna tabla las cuenta
-- column coverage_percent in es: socios por cada cien de esas empresas; más de 100 donde hay socios que no son empresas; en el
--   total de socios cuentan también los que no están entre las empresas: explotaciones agrarias, organismos públicos,
--   asociaciones
-- column enterprises_indicator in es: qué se cuenta: empresas o unidades locales
-- column enterprises_dataset in es: tabla del recuento
-- column enterprises_year in es: año del recuento
-- column enterprises_cells in es: celdas del recuento, cada una como descarga:celda
-- column vintage in es: momento (UTC) de la descarga del fichero de socios
-- column dataset in es: fichero de socios
-- column snapshot in es: huella BLAKE3 de los bytes del fichero de socios
-- column provenance in es: `official` (oficial) si lo son el fichero y el recuento; si no, `synthetic` (sintético)
with counted as (
    select cluster, region, 'region' as dimension, region as code, vintage, dataset, "snapshot", provenance
    from intermediate.int_member_profiles
    union all
    -- A division of another classification that lies in no single one must not be taken for the one with its number.
    select
        cluster, region, 'sector',
        case
            when division is not null then division when sector = 'unknown' then sector else sector_scheme || ' ' || sector
        end,
        vintage, dataset, "snapshot", provenance
    from intermediate.int_member_profiles
    union all
    select cluster, region, 'municipality', municipality, vintage, dataset, "snapshot", provenance
    from intermediate.int_member_profiles
    union all
    select cluster, region, 'size_class', size_class, vintage, dataset, "snapshot", provenance
    from intermediate.int_member_profiles
),

grouped as (
    select
        cluster, region, dimension, code, vintage, dataset, "snapshot", provenance,
        count(*) as members,
        case
            when dimension in ('municipality', 'size_class') and code <> 'unknown' and count(*) < 3 then 1 else 0
        end as is_small
    from counted
    group by cluster, region, dimension, code, vintage, dataset, "snapshot", provenance
),

sized as (
    select
        grouped.*,
        sum(case when is_small = 1 then members else 0 end) over (partition by cluster, region, dimension) as small_members,
        row_number() over (
            partition by cluster, region, dimension
            order by is_small, case when code = 'unknown' then 1 else 0 end, members, code
        ) as place
    from grouped
),

members as (
    select
        cluster,
        region,
        dimension,
        case
            when is_small = 1 or (place = 1 and small_members between 1 and 2) then 'fewer_than_3' else code
        end as code,
        vintage,
        dataset,
        "snapshot",
        provenance,
        sum(members) as members
    from sized
    group by
        cluster,
        region,
        dimension,
        case
            when is_small = 1 or (place = 1 and small_members between 1 and 2) then 'fewer_than_3' else code
        end,
        vintage,
        dataset,
        "snapshot",
        provenance
),

counts as (
    select
        enterprises.*,
        case when enterprises.sector in ('B-S_X_O_S94', 'DIRCE_TOTAL') then 'ALL' else enterprises.sector end as activity,
        row_number() over (
            partition by enterprises.region,
                case when enterprises.sector in ('B-S_X_O_S94', 'DIRCE_TOTAL') then 'ALL' else enterprises.sector end
            -- Of the totals, the one that Eurostat has of all regions comes first.
            order by
                case when enterprises.sector = 'DIRCE_TOTAL' then 1 else 0 end,
                denominators.preference, enterprises.time_year desc, tables.preference, enterprises.dataset
        ) as choice
    from intermediate.int_enterprise_counts as enterprises
    inner join staging.stg_denominators as denominators on enterprises.indicator = denominators.indicator
    left join intermediate.int_count_tables as tables on enterprises.dataset = tables.dataset
    where enterprises.size_basis = 'TOTAL' and enterprises.sector_scheme = 'NACE_R2'
)

select
    members.cluster,
    members.region,
    coalesce(regions.region_name_es, 'no consta') as region_name_es,
    coalesce(regions.region_name_en, 'not stated') as region_name_en,
    members.dimension,
    members.code,
    case
        when members.code = 'unknown' then 'no consta'
        when members.code = 'fewer_than_3' then 'grupos pequeños, juntos'
        else coalesce(
            sectors.sector_name_es, municipalities.municipality_name, sizes.size_class_name_es, regions.region_name_es
        )
    end as name_es,
    case
        when members.code = 'unknown' then 'not stated'
        when members.code = 'fewer_than_3' then 'small groups, together'
        else coalesce(
            sectors.sector_name_en, municipalities.municipality_name, sizes.size_class_name_en, regions.region_name_en
        )
    end as name_en,
    cast(members.members as bigint) as members,
    counts.enterprises,
    case
        when counts.enterprises > 0 then
            cast(100 as double) * cast(members.members as double) / cast(counts.enterprises as double)
    end as coverage_percent,
    counts.indicator as enterprises_indicator,
    counts.dataset as enterprises_dataset,
    counts.time_year as enterprises_year,
    counts.cells as enterprises_cells,
    members.vintage,
    members.dataset,
    members."snapshot",
    greatest(members.provenance, coalesce(counts.provenance, 'official')) as provenance
from members
left join staging.stg_regions as regions on members.region = regions.region
left join staging.stg_sectors as sectors
    on members.dimension = 'sector'
    and members.code = case
        when sectors.sector_scheme = 'NACE_R2' then sectors.sector else sectors.sector_scheme || ' ' || sectors.sector
    end
left join staging.stg_municipalities as municipalities
    on members.dimension = 'municipality' and members.code = municipalities.municipality
left join staging.stg_size_classes as sizes on members.dimension = 'size_class' and members.code = sizes.size_class
left join counts
    on counts.choice = 1
    and counts.enterprises > 0
    and members.region = counts.region
    and case members.dimension when 'sector' then members.code when 'region' then 'ALL' end = counts.activity
