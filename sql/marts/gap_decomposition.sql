-- How much of the gap between a NUTS 2 region and its country comes from the region's sectors (mix: it has more enterprises
-- where adoption is low anyway) and how much from lower adoption in the same sectors (within), by the symmetric shift-share.
-- What the sectors do not explain (the survey's own weights, activities in no sector, rounding) stands apart; the three add
-- up to the gap to the sixth decimal. The sectors are in gap_decomposition_sectors.
-- grain: region, indicator, unit, size_class, sector, sector_scheme, time_period, publisher
-- column region: NUTS 2 region
-- column region_name_es: name of the region in Spanish
-- column region_name_en: name of the region in English
-- column country: its country
-- column indicator: what is measured
-- column indicator_name_es: name of the indicator in Spanish
-- column indicator_name_en: name of the indicator in English
-- column driving_force: the driving force that the indicator belongs to
-- column unit: percentage of enterprises; other universes have no counts to weigh them with
-- column size_class: persons employed
-- column sector: the total of all activities that is taken apart
-- column sector_scheme: classification of the sector
-- column time_period: year of reference
-- column publisher: who published the shares
-- column share: percentage of the region
-- column country_share: percentage of the country
-- column gap_points: the region's less the country's, in points; negative is a lag
-- column weights_status: complete, or none where no count of enterprises covers all sectors that have both percentages
-- column sector_partition: the sectors that were used, from sections to two_sectors; null where there are no weights
-- column sectors: how many they are
-- column weights_dataset: the table with the counts of enterprises
-- column weights_indicator: what is counted there: enterprises or local units
-- column weights_size: of which size; TOTAL also counts the small ones that the survey does not ask
-- column weights_year: year of the counts; null where there are no weights
-- column mix_points: points of the gap by the region's sectors; null where it can not be computed
-- column within_points: points of the gap by adoption in the sectors
-- column unexplained_points: the rest
-- column flags: observation flags of the region's value
-- column source: the pipeline that delivered it
-- column dataset: its table
-- column snapshot: BLAKE3 of the bytes that it was read from
-- column cell: byte offset of the value in the decompressed snapshot
-- column country_snapshot: BLAKE3 of the bytes of the country's value
-- column country_cell: byte offset of the country's value there
-- column provenance: official if everything is, otherwise synthetic
-- audit: gap_points = mix_points + within_points + unexplained_points or weights_status = 'none'
-- audit: (weights_status = 'complete') = (mix_points is not null and within_points is not null)
-- audit: (mix_points is null) = (unexplained_points is null)
-- audit: weights_status <> 'none' or (mix_points is null and within_points is null and unexplained_points is null)
-- audit: abs(cast(gap_points as double) - (share - country_share)) < 0.00001
-- audit: cell is not null and country_cell is not null
-- audit warn: unexplained_points is null or abs(unexplained_points) <= 5
-- inputs: int_gap_parts on region, indicator, unit, size_class, total = sector, sector_scheme, time_year = time_period, publisher
--   weight weight
-- in es: Qué parte de la distancia entre una región NUTS 2 y su país viene de sus actividades (mix: tiene más empresas donde se
--   adopta menos de todos modos) y cuál de una menor adopción en las mismas actividades (within), por el análisis shift-share
--   simétrico. Lo que las actividades no explican (los pesos de la propia encuesta, empresas sin actividad asignada, redondeos)
--   va aparte; las tres partes suman la distancia hasta el sexto decimal. El detalle por actividad está en
--   `gap_decomposition_sectors`.
-- column region in es: región NUTS 2
-- column region_name_es in es: nombre de la región en español
-- column region_name_en in es: nombre de la región en inglés
-- column country in es: su país
-- column indicator in es: código del indicador: qué se mide
-- column indicator_name_es in es: nombre del indicador en español
-- column indicator_name_en in es: nombre del indicador en inglés
-- column driving_force in es: fuerza motriz a la que pertenece el indicador
-- column unit in es: porcentaje de empresas; para otros conjuntos de referencia no hay recuentos con que ponderar
-- column size_class in es: tramo de personas ocupadas
-- column sector in es: total de actividades que se descompone
-- column sector_scheme in es: clasificación de la actividad
-- column time_period in es: año de referencia
-- column publisher in es: organismo que publicó los porcentajes
-- column share in es: porcentaje de la región
-- column country_share in es: porcentaje del país
-- column gap_points in es: el de la región menos el del país, en puntos; negativo es un retraso
-- column weights_status in es: `complete` (completos), o `none` (ninguno) si ningún recuento de empresas cubre todas las
--   actividades que tienen los dos porcentajes
-- column sector_partition in es: actividades que se usaron, desde `sections` (secciones) hasta `two_sectors` (dos actividades);
--   nulo si no hay pesos
-- column sectors in es: cuántas son
-- column weights_dataset in es: tabla de los recuentos de empresas
-- column weights_indicator in es: qué se cuenta en ella: empresas o unidades locales
-- column weights_size in es: tamaño de las empresas que se cuentan; `TOTAL` incluye las pequeñas, que la encuesta no abarca
-- column weights_year in es: año de los recuentos; nulo si no hay pesos
-- column mix_points in es: puntos de la distancia por el peso de las actividades de la región; nulo si no puede calcularse
-- column within_points in es: puntos de la distancia por la adopción dentro de las actividades
-- column unexplained_points in es: el resto
-- column flags in es: marcas de observación del valor de la región
-- column source in es: canalización que lo entregó
-- column dataset in es: su tabla
-- column snapshot in es: huella BLAKE3 de los bytes de los que se leyó
-- column cell in es: posición del valor, en bytes, en la descarga descomprimida
-- column country_snapshot in es: huella BLAKE3 de los bytes del valor del país
-- column country_cell in es: posición del valor del país, en bytes, en esa descarga
-- column provenance in es: `official` (oficial) si todo lo es; si no, `synthetic` (sintético)
with sums as (
    select
        publisher,
        indicator,
        unit,
        size_class,
        sector_scheme,
        total,
        region,
        time_year,
        sector_partition,
        weights_dataset,
        weights_indicator,
        weights_size,
        weights_year,
        count(*) as sectors,
        cast(sum(mix_points) as decimal(18, 6)) as mix_points,
        cast(sum(within_points) as decimal(18, 6)) as within_points,
        max(provenance) as provenance
    from intermediate.int_gap_parts
    group by
        publisher, indicator, unit, size_class, sector_scheme, total, region, time_year, sector_partition, weights_dataset,
        weights_indicator, weights_size, weights_year
),

totals as (
    select distinct total
    from staging.stg_sector_partitions
)

select
    compared.region,
    regions.region_name_es,
    regions.region_name_en,
    compared.country,
    compared.indicator,
    indicators.indicator_name_es,
    indicators.indicator_name_en,
    indicators.driving_force,
    compared.unit,
    compared.size_class,
    compared.sector,
    compared.sector_scheme,
    cast(compared.time_year as varchar) as time_period,
    compared.publisher,
    compared.share,
    compared.country_share,
    cast(cast(compared.share as decimal(12, 6)) - cast(compared.country_share as decimal(12, 6)) as decimal(18, 6))
        as gap_points,
    case when sums.region is null then 'none' else 'complete' end as weights_status,
    sums.sector_partition,
    cast(sums.sectors as bigint) as sectors,
    sums.weights_dataset,
    sums.weights_indicator,
    sums.weights_size,
    sums.weights_year,
    sums.mix_points,
    sums.within_points,
    cast(
        cast(compared.share as decimal(12, 6)) - cast(compared.country_share as decimal(12, 6))
        - sums.mix_points - sums.within_points as decimal(18, 6)
    ) as unexplained_points,
    compared.flags,
    compared.source,
    compared.dataset,
    compared."snapshot",
    compared.cell,
    compared.country_snapshot,
    compared.country_cell,
    greatest(compared.provenance, compared.country_provenance, coalesce(sums.provenance, 'official')) as provenance
from intermediate.int_comparisons as compared
inner join totals on compared.sector = totals.total
left join sums
    on compared.publisher = sums.publisher
    and compared.indicator = sums.indicator
    and compared.unit = sums.unit
    and compared.size_class = sums.size_class
    and compared.sector_scheme = sums.sector_scheme
    and compared.sector = sums.total
    and compared.region = sums.region
    and compared.time_year = sums.time_year
left join staging.stg_regions as regions on compared.region = regions.region
left join staging.stg_indicators as indicators on compared.indicator = indicators.indicator
where compared.region_level = 'nuts2' and compared.unit = 'PC_ENT' and compared.size_class = 'GE10'
    and compared.share is not null and compared.country_share is not null
