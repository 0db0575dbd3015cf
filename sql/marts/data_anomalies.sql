-- Values that look wrong: 0.0 after 100.0, totals outside the range of their parts, and values that are the same as the
-- two before. Each is what the source says and stays in the data; the row says where to look.
-- grain: anomaly, source, region, sector, sector_scheme, size_class, indicator, unit, time_period
-- column anomaly: zero_after_hundred, outside_parts or unmoved
-- column source: the pipeline
-- column dataset: its table
-- column region: NUTS 2024 or country code
-- column region_name_es: name of the region in Spanish
-- column region_name_en: name of the region in English
-- column sector: canonical code of the activity
-- column sector_scheme: classification of the sector
-- column size_class: persons employed
-- column indicator: what is measured
-- column unit: unit, with the percentage's universe
-- column time_period: year of reference
-- column share: the value
-- column flags: observation flags
-- column previous_share: the value before; null for a total outside its parts
-- column parts_of: how the total is taken apart; null for the others
-- column lowest_share: its lowest part
-- column highest_share: its highest part
-- column snapshot: BLAKE3 of the bytes that the value was read from
-- column cell: byte offset of the value in the decompressed snapshot
-- column previous_snapshot: BLAKE3 of the bytes of the value before
-- column previous_cell: byte offset of it there
-- column lowest_snapshot: BLAKE3 of the bytes of the lowest part
-- column lowest_cell: byte offset of it there
-- column highest_snapshot: BLAKE3 of the bytes of the highest part
-- column highest_cell: byte offset of it there
-- column provenance: official or synthetic
-- audit: anomaly in ('zero_after_hundred', 'outside_parts', 'unmoved')
-- audit: cell is not null
-- audit: anomaly <> 'outside_parts' or share < lowest_share or share > highest_share
-- audit: (previous_snapshot is null) = (previous_cell is null) and (lowest_snapshot is null) = (lowest_cell is null)
-- in es: Valores que parecen erróneos: 0,0 después de 100,0, totales fuera del rango de sus partes y valores iguales a los dos
--   anteriores. Cada uno es lo que dice la fuente y queda en los datos; la fila dice dónde mirar.
-- column anomaly in es: `zero_after_hundred` (0 después de 100), `outside_parts` (fuera del rango de sus partes) o `unmoved`
--   (sin moverse)
-- column source in es: canalización
-- column dataset in es: su tabla
-- column region in es: código NUTS 2024 o de país
-- column region_name_es in es: nombre de la región en español
-- column region_name_en in es: nombre de la región en inglés
-- column sector in es: código canónico de la actividad
-- column sector_scheme in es: clasificación de la actividad
-- column size_class in es: tramo de personas ocupadas
-- column indicator in es: código del indicador: qué se mide
-- column unit in es: unidad, con el conjunto de referencia del porcentaje
-- column time_period in es: año de referencia
-- column share in es: valor
-- column flags in es: marcas de observación
-- column previous_share in es: valor anterior; nulo si es un total fuera del rango de sus partes
-- column parts_of in es: cómo se descompone el total; nulo en los demás casos
-- column lowest_share in es: su parte más baja
-- column highest_share in es: su parte más alta
-- column snapshot in es: huella BLAKE3 de los bytes de los que se leyó el valor
-- column cell in es: posición del valor, en bytes, en la descarga descomprimida
-- column previous_snapshot in es: huella BLAKE3 de los bytes del valor anterior
-- column previous_cell in es: su posición, en bytes, en esa descarga
-- column lowest_snapshot in es: huella BLAKE3 de los bytes de la parte más baja
-- column lowest_cell in es: su posición, en bytes, en esa descarga
-- column highest_snapshot in es: huella BLAKE3 de los bytes de la parte más alta
-- column highest_cell in es: su posición, en bytes, en esa descarga
-- column provenance in es: `official` (oficial) o `synthetic` (sintético)
with outside as (
    select
        series.*,
        ranges.parts_of,
        ranges.lowest_share,
        ranges.highest_share,
        ranges.lowest_snapshot,
        ranges.lowest_cell,
        ranges.highest_snapshot,
        ranges.highest_cell,
        row_number() over (
            partition by series.source, series.region, series.sector, series.sector_scheme, series.size_class,
                series.indicator, series.unit, series.time_year
            order by ranges.parts_of
        ) as choice
    from intermediate.int_source_series as series
    inner join intermediate.int_part_ranges as ranges
        on series.source = ranges.source
        and series.indicator = ranges.indicator
        and series.unit = ranges.unit
        and series.region = ranges.region
        and series.time_year = ranges.time_year
        and series.size_class = ranges.size_class
        and series.sector_scheme = ranges.sector_scheme
        and series.sector = ranges.sector
    inner join staging.stg_units as units on series.unit = units.unit
    -- Rounded figures may stand a little beyond their parts.
    where series.share < ranges.lowest_share - units.tolerance or series.share > ranges.highest_share + units.tolerance
),

found as (
    select
        case
            when share = 0 and previous_share = 100 then 'zero_after_hundred'
            else 'unmoved'
        end as anomaly,
        source, dataset, region, sector, sector_scheme, size_class, indicator, unit, time_year, share, flags,
        previous_share,
        cast(null as varchar) as parts_of,
        cast(null as double) as lowest_share,
        cast(null as double) as highest_share,
        "snapshot", cell, previous_snapshot, previous_cell,
        cast(null as varchar) as lowest_snapshot,
        cast(null as bigint) as lowest_cell,
        cast(null as varchar) as highest_snapshot,
        cast(null as bigint) as highest_cell,
        provenance
    from intermediate.int_source_series
    -- At the ends of the scale a value may well stay.
    where (share = 0 and previous_share = 100)
        or (share > 0 and share < 100 and share = previous_share and share = before_previous_share)
    union all
    select
        'outside_parts',
        source, dataset, region, sector, sector_scheme, size_class, indicator, unit, time_year, share, flags,
        cast(null as double),
        parts_of, lowest_share, highest_share,
        "snapshot", cell,
        cast(null as varchar),
        cast(null as bigint),
        lowest_snapshot, lowest_cell, highest_snapshot, highest_cell,
        provenance
    from outside
    where choice = 1
)

select
    found.anomaly,
    found.source,
    found.dataset,
    found.region,
    regions.region_name_es,
    regions.region_name_en,
    found.sector,
    found.sector_scheme,
    found.size_class,
    found.indicator,
    found.unit,
    cast(found.time_year as varchar) as time_period,
    found.share,
    found.flags,
    found.previous_share,
    found.parts_of,
    found.lowest_share,
    found.highest_share,
    found."snapshot",
    found.cell,
    found.previous_snapshot,
    found.previous_cell,
    found.lowest_snapshot,
    found.lowest_cell,
    found.highest_snapshot,
    found.highest_cell,
    found.provenance
from found
left join staging.stg_regions as regions on found.region = regions.region
