-- What the data of each table are worth, by indicator and year: how many cells have a value, how many are suppressed or of
-- low reliability, where series break, what looks wrong (listed in data_anomalies) and where another source says otherwise
-- (listed in source_disagreements).
-- grain: source, dataset, indicator, unit, time_period
-- column source: the pipeline
-- column dataset: its table
-- column indicator: what is measured
-- column indicator_name_es: name of the indicator in Spanish
-- column indicator_name_en: name of the indicator in English
-- column unit: unit, with a percentage's universe
-- column time_period: SDMX time
-- column cells: observations in force
-- column cells_with_value: of these, with a value
-- column suppressed_percent: of all cells, those that are confidential, 0 to 100
-- column missing_percent: of all cells, those without a value that are not said to be confidential
-- column low_reliability_percent: of the cells with a value, those that the source flags as of low reliability
-- column flagged_breaks: cells that the source flags as a break of their series
-- column declared_break: whether the series of this table begins anew in this year by the codelist of breaks
-- column zeros_after_hundred: values of 0.0 after 100.0
-- column totals_outside_parts: totals below their lowest part or above their highest one
-- column unmoved_values: values that are the same as the two before, of whatever years
-- column disagreements: cells of which another source gives another figure, beyond the tolerance of the unit
-- column official_percent: of all cells, those whose figure is a published one; the rest is synthetic
-- column newest_vintage: UTC time of the newest snapshot in which one of the values first stood
-- column snapshots: BLAKE3 of the snapshots that the values stand in, with blanks between them
-- column provenance: official if all cells are, otherwise synthetic
-- audit: cells >= cells_with_value and cells > 0
-- audit: suppressed_percent + missing_percent between 0 and 100.000001
-- audit: abs(suppressed_percent + missing_percent + 100.0 * cells_with_value / cells - 100) < 0.000001
-- audit: low_reliability_percent is null or low_reliability_percent between 0 and 100
-- audit: zeros_after_hundred + totals_outside_parts + unmoved_values <= 3 * cells_with_value
-- audit: indicator_name_es is not null
-- audit warn: zeros_after_hundred = 0
-- inputs: stg_observations on pipeline = source, dataset, indicator, unit, time_period
-- inputs: data_anomalies on source, dataset, indicator, unit, time_period
-- inputs: source_disagreements on source, dataset, indicator, unit, time_period
-- inputs: source_disagreements on other_source = source, other_dataset = dataset, indicator, unit, time_period
-- in es: Qué valen los datos de cada tabla, por indicador y año: cuántas celdas tienen valor, cuántas son confidenciales o de
--   fiabilidad baja, dónde se rompen las series, qué parece erróneo (detallado en `data_anomalies`) y dónde otra fuente dice
--   otra cosa (detallado en `source_disagreements`).
-- column source in es: canalización
-- column dataset in es: su tabla
-- column indicator in es: código del indicador: qué se mide
-- column indicator_name_es in es: nombre del indicador en español
-- column indicator_name_en in es: nombre del indicador en inglés
-- column unit in es: unidad; si es un porcentaje, con su conjunto de referencia
-- column time_period in es: período, como lo escribe SDMX
-- column cells in es: observaciones vigentes
-- column cells_with_value in es: de ellas, con valor
-- column suppressed_percent in es: porcentaje de celdas confidenciales, de 0 a 100
-- column missing_percent in es: porcentaje de celdas sin valor que no constan como confidenciales
-- column low_reliability_percent in es: porcentaje de las celdas con valor que la fuente marca como de fiabilidad baja
-- column flagged_breaks in es: celdas que la fuente marca como ruptura de su serie
-- column declared_break in es: si la serie de esta tabla vuelve a empezar este año según la lista de rupturas
-- column zeros_after_hundred in es: valores de 0,0 después de 100,0
-- column totals_outside_parts in es: totales por debajo de su parte más baja o por encima de la más alta
-- column unmoved_values in es: valores iguales a los dos anteriores, sean de los años que sean
-- column disagreements in es: celdas de las que otra fuente da otra cifra, fuera de la tolerancia de la unidad
-- column official_percent in es: porcentaje de celdas cuya cifra es la publicada; las demás son sintéticas
-- column newest_vintage in es: momento (UTC) de la descarga más reciente en que apareció por primera vez alguno de los valores
-- column snapshots in es: huellas BLAKE3 de las descargas en que están los valores, separadas por espacios
-- column provenance in es: `official` (oficial) si lo son todas las celdas; si no, `synthetic` (sintético)
with counted as (
    select
        pipeline as source,
        dataset,
        indicator,
        unit,
        time_period,
        count(*) as cells,
        count(observed_value) as valued,
        sum(case when observed_value is null and flags like '%c%' then 1 else 0 end) as suppressed,
        sum(case when observed_value is not null and flags like '%u%' then 1 else 0 end) as unreliable,
        sum(case when flags like '%b%' then 1 else 0 end) as breaks,
        sum(case when provenance = 'official' then 1 else 0 end) as official,
        max(vintage) as newest_vintage
    from staging.stg_observations
    group by pipeline, dataset, indicator, unit, time_period
),

sources as (
    select source, dataset, indicator, unit, time_period, string_agg("snapshot", ' ' order by "snapshot") as snapshots
    from (
        select distinct pipeline as source, dataset, indicator, unit, time_period, "snapshot"
        from staging.stg_observations
    ) as each_once
    group by source, dataset, indicator, unit, time_period
),

anomalies as (
    select
        source,
        dataset,
        indicator,
        unit,
        time_period,
        sum(case when anomaly = 'zero_after_hundred' then 1 else 0 end) as zeros,
        sum(case when anomaly = 'outside_parts' then 1 else 0 end) as outside,
        sum(case when anomaly = 'unmoved' then 1 else 0 end) as unmoved
    from data_anomalies
    group by source, dataset, indicator, unit, time_period
),

-- A disagreement concerns both tables.
disagreeing as (
    select source, dataset, indicator, unit, time_period, region, sector, sector_scheme, size_class
    from source_disagreements
    union
    select other_source, other_dataset, indicator, unit, time_period, region, sector, sector_scheme, size_class
    from source_disagreements
),

disagreements as (
    select source, dataset, indicator, unit, time_period, count(*) as disagreements
    from disagreeing
    group by source, dataset, indicator, unit, time_period
),

declared as (
    select distinct counted.source, counted.dataset, counted.indicator, counted.time_period
    from counted
    inner join staging.stg_indicator_breaks as breaks
        on (breaks.indicator = counted.indicator or breaks.indicator = '*')
        and (breaks.dataset = counted.dataset or breaks.dataset = split_part(counted.source, '__', 2))
        and cast(breaks.break_year as varchar) = counted.time_period
)

select
    counted.source,
    counted.dataset,
    counted.indicator,
    indicators.indicator_name_es,
    indicators.indicator_name_en,
    counted.unit,
    counted.time_period,
    cast(counted.cells as bigint) as cells,
    cast(counted.valued as bigint) as cells_with_value,
    cast(100 as double) * cast(counted.suppressed as double) / cast(counted.cells as double) as suppressed_percent,
    cast(100 as double) * cast(counted.cells - counted.valued - counted.suppressed as double)
        / cast(counted.cells as double) as missing_percent,
    case
        when counted.valued > 0 then
            cast(100 as double) * cast(counted.unreliable as double) / cast(counted.valued as double)
    end as low_reliability_percent,
    cast(counted.breaks as bigint) as flagged_breaks,
    declared.source is not null as declared_break,
    cast(coalesce(anomalies.zeros, 0) as bigint) as zeros_after_hundred,
    cast(coalesce(anomalies.outside, 0) as bigint) as totals_outside_parts,
    cast(coalesce(anomalies.unmoved, 0) as bigint) as unmoved_values,
    cast(coalesce(disagreements.disagreements, 0) as bigint) as disagreements,
    cast(100 as double) * cast(counted.official as double) / cast(counted.cells as double) as official_percent,
    counted.newest_vintage,
    sources.snapshots,
    case when counted.official = counted.cells then 'official' else 'synthetic' end as provenance
from counted
inner join sources
    on counted.source = sources.source
    and counted.dataset = sources.dataset
    and counted.indicator = sources.indicator
    and counted.unit = sources.unit
    and counted.time_period = sources.time_period
left join anomalies
    on counted.source = anomalies.source
    and counted.dataset = anomalies.dataset
    and counted.indicator = anomalies.indicator
    and counted.unit = anomalies.unit
    and counted.time_period = anomalies.time_period
left join disagreements
    on counted.source = disagreements.source
    and counted.dataset = disagreements.dataset
    and counted.indicator = disagreements.indicator
    and counted.unit = disagreements.unit
    and counted.time_period = disagreements.time_period
left join declared
    on counted.source = declared.source
    and counted.dataset = declared.dataset
    and counted.indicator = declared.indicator
    and counted.time_period = declared.time_period
left join staging.stg_indicators as indicators on counted.indicator = indicators.indicator
