-- Percentages by region, sector, size class and year, every cell of every source: of enterprises that use a technology, and of
-- persons, turnover or households, as `universe` says. Of sources with the same cell each has a row; take the `preferred` one.
-- grain: region, sector, size_class, indicator, unit, time_period, source
-- column region: NUTS 2024 or country code; ES13 is Cantabria
-- column region_level: country, aggregate, nuts1 or nuts2
-- column region_name_es: name of the region in Spanish
-- column region_name_en: name of the region in English
-- column sector: canonical code of the activity; C10-S951_X_K is Eurostat's total, INE_TOTAL that of INE, _Z of households
-- column sector_scheme: classification of the sector
-- column sector_name_es: name of the sector in Spanish
-- column sector_name_en: name of the sector in English
-- column size_class: persons employed; GE10 is 10 or more, _Z stands for households
-- column size_class_name_es: name of the size class in Spanish
-- column size_class_name_en: name of the size class in English
-- column indicator: code of the indicator, Eurostat's where it has one; E_AI_TANY is the use of at least one AI technology
-- column indicator_name_es: name of the indicator in Spanish
-- column indicator_name_en: name of the indicator in English
-- column driving_force: the driving force that the indicator belongs to
-- column unit: unit of the share; PC_ENT is percentage of all enterprises of the cell, PC_HH of households
-- column universe: what the share is a percentage of
-- column time_period: year of reference (the first quarter, for the use of technologies)
-- column period_start: first day of the period, for what needs a date
-- column source: the pipeline that delivered the cell
-- column publisher: who published it
-- column preferred: whether this is the row to take of those that give the same cell: one with a value before one without,
--   then in the order of the pipelines' `preference`
-- column share: percentage, 0 to 100; null where the source says that there is none
-- column flags: observation flags, sorted letters: b break, c confidential, u low reliability, and others (codelist_flags)
-- column provenance: official, or synthetic for a sample cell whose figure is not a published one
-- column vintage: UTC time of the snapshot in which this value first stood
-- column dataset: the source's table
-- column snapshot: BLAKE3 of the bytes that it was read from
-- column cell: byte offset of the value in the decompressed snapshot
-- audit: share is null or share between 0 and 100
-- audit: provenance in ('official', 'synthetic')
-- audit: region_name_es is not null and sector_name_es is not null and indicator_name_es is not null and universe is not null
-- audit warn: exists a row where region = 'ES13' and share is not null
-- in es: Porcentajes por región, actividad, tamaño y año, todas las celdas de todas las fuentes: de empresas que usan una
--   tecnología, y de personas, cifra de negocios u hogares, según `universe`. Cuando varias fuentes dan la misma celda, cada
--   una tiene su fila; tome la `preferred`.
-- column region in es: código NUTS 2024 o de país; `ES13` es Cantabria
-- column region_level in es: `country` (país), `aggregate` (agregado), `nuts1` o `nuts2`
-- column region_name_es in es: nombre de la región en español
-- column region_name_en in es: nombre de la región en inglés
-- column sector in es: código canónico de la actividad; `C10-S951_X_K` es el total de Eurostat, `INE_TOTAL` el del INE y `_Z`
--   el de los hogares
-- column sector_scheme in es: clasificación de la actividad
-- column sector_name_es in es: nombre de la actividad en español
-- column sector_name_en in es: nombre de la actividad en inglés
-- column size_class in es: tramo de personas ocupadas; `GE10` es 10 o más, `_Z` es de hogares
-- column size_class_name_es in es: nombre del tramo de tamaño en español
-- column size_class_name_en in es: nombre del tramo de tamaño en inglés
-- column indicator in es: código del indicador, el de Eurostat si lo tiene; `E_AI_TANY` es el uso de al menos una tecnología de
--   IA
-- column indicator_name_es in es: nombre del indicador en español
-- column indicator_name_en in es: nombre del indicador en inglés
-- column driving_force in es: fuerza motriz a la que pertenece el indicador
-- column unit in es: unidad del porcentaje; `PC_ENT` es porcentaje de todas las empresas de la celda, `PC_HH` de los hogares
-- column universe in es: de qué conjunto es el porcentaje
-- column time_period in es: año de referencia (el primer trimestre, para el uso de tecnologías)
-- column period_start in es: primer día del período, para lo que necesita una fecha
-- column source in es: canalización que entregó la celda
-- column publisher in es: organismo que lo publicó
-- column preferred in es: si esta es la fila que hay que tomar de las que dan la misma celda: la que tiene valor antes que la
--   que no, y luego en el orden de `preference` de las canalizaciones
-- column share in es: porcentaje, de 0 a 100; nulo si la fuente dice que no lo hay
-- column flags in es: marcas de observación, letras en orden: `b` ruptura, `c` confidencial, `u` fiabilidad baja, y otras
--   (`codelist_flags`)
-- column provenance in es: `official` (oficial), o `synthetic` (sintético) para una celda de la muestra cuya cifra no es la
--   publicada
-- column vintage in es: momento (UTC) de la descarga en que este valor apareció por primera vez
-- column dataset in es: tabla de la fuente
-- column snapshot in es: huella BLAKE3 de los bytes de los que se leyó
-- column cell in es: posición del valor, en bytes, en la descarga descomprimida
with repeated as (
    select region, sector, sector_scheme, size_class, indicator, unit, time_period
    from staging.stg_observations
    where unit like 'PC%'
    group by region, sector, sector_scheme, size_class, indicator, unit, time_period
    having count(*) > 1
),

-- Only cells that several sources give are put in order: they are few, and to sort all of them would take long.
ranked as (
    select
        observations.region,
        observations.sector,
        observations.sector_scheme,
        observations.size_class,
        observations.indicator,
        observations.unit,
        observations.time_period,
        observations.pipeline,
        observations.dataset,
        row_number() over (
            partition by
                observations.region,
                observations.sector,
                observations.sector_scheme,
                observations.size_class,
                observations.indicator,
                observations.unit,
                observations.time_period
            order by
                case when observations.observed_value is null then 1 else 0 end,
                pipelines.preference,
                observations.pipeline,
                observations.dataset
        ) as choice
    from staging.stg_observations as observations
    inner join repeated
        on observations.region = repeated.region
        and observations.sector = repeated.sector
        and observations.sector_scheme = repeated.sector_scheme
        and observations.size_class = repeated.size_class
        and observations.indicator = repeated.indicator
        and observations.unit = repeated.unit
        and observations.time_period = repeated.time_period
    left join staging.stg_pipelines as pipelines on observations.pipeline = pipelines.pipeline
)

select
    observations.region,
    regions.region_level,
    regions.region_name_es,
    regions.region_name_en,
    observations.sector,
    observations.sector_scheme,
    sectors.sector_name_es,
    sectors.sector_name_en,
    observations.size_class,
    sizes.size_class_name_es,
    sizes.size_class_name_en,
    observations.indicator,
    indicators.indicator_name_es,
    indicators.indicator_name_en,
    indicators.driving_force,
    observations.unit,
    units.universe,
    observations.time_period,
    observations.period_start,
    observations.pipeline as source,
    pipelines.publisher,
    ranked.pipeline is null as preferred,
    observations.observed_value as share,
    observations.flags,
    observations.provenance,
    observations.vintage,
    observations.dataset,
    observations."snapshot",
    observations.cell
from staging.stg_observations as observations
left join staging.stg_regions as regions on observations.region = regions.region
left join staging.stg_sectors as sectors
    on observations.sector = sectors.sector
    and observations.sector_scheme = sectors.sector_scheme
left join staging.stg_indicators as indicators on observations.indicator = indicators.indicator
left join staging.stg_size_classes as sizes on observations.size_class = sizes.size_class
left join staging.stg_units as units on observations.unit = units.unit
left join staging.stg_pipelines as pipelines on observations.pipeline = pipelines.pipeline
left join ranked
    on ranked.choice > 1
    and observations.region = ranked.region
    and observations.sector = ranked.sector
    and observations.sector_scheme = ranked.sector_scheme
    and observations.size_class = ranked.size_class
    and observations.indicator = ranked.indicator
    and observations.unit = ranked.unit
    and observations.time_period = ranked.time_period
    and observations.pipeline = ranked.pipeline
    and observations.dataset = ranked.dataset
where observations.unit like 'PC%'
