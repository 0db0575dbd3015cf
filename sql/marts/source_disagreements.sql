-- Cells of which two sources give different figures: the preferred one beside each other one.
-- Only what is exactly the same cell is compared: region, sector, size class, indicator, unit and year.
-- grain: region, sector, sector_scheme, size_class, indicator, unit, time_period, other_source, other_dataset
-- column region: NUTS 2024 or country code
-- column region_name_es: name of the region in Spanish
-- column region_name_en: name of the region in English
-- column sector: canonical code of the activity
-- column sector_scheme: classification of the sector
-- column sector_name_es: name of the sector in Spanish
-- column sector_name_en: name of the sector in English
-- column size_class: persons employed
-- column indicator: what is measured
-- column indicator_name_es: name of the indicator in Spanish
-- column indicator_name_en: name of the indicator in English
-- column unit: unit, with a percentage's universe
-- column time_period: SDMX time
-- column share: the figure of the preferred source
-- column other_share: the figure of the other one
-- column difference: the other figure less the preferred one, in the unit
-- column tolerance: up to this difference two figures are the same (codelist_units)
-- column source: the preferred pipeline
-- column dataset: its table
-- column flags: its observation flags
-- column vintage: UTC time of the snapshot in which its figure first stood
-- column snapshot: BLAKE3 of the bytes that it was read from
-- column cell: byte offset of the figure in that snapshot, decompressed
-- column other_source: the other pipeline
-- column other_dataset: its table
-- column other_flags: its observation flags
-- column other_vintage: UTC time of the snapshot in which its figure first stood
-- column other_snapshot: BLAKE3 of the bytes that it was read from
-- column other_cell: byte offset of the figure in that snapshot, decompressed
-- column provenance: official if both figures are, otherwise synthetic
-- audit: abs(difference) > tolerance
-- in es: Celdas de las que dos fuentes dan cifras distintas: la preferida junto a cada una de las otras. Solo se compara lo que
--   es exactamente la misma celda: región, actividad, tamaño, indicador, unidad y año.
-- column region in es: código NUTS 2024 o de país
-- column region_name_es in es: nombre de la región en español
-- column region_name_en in es: nombre de la región en inglés
-- column sector in es: código canónico de la actividad
-- column sector_scheme in es: clasificación de la actividad
-- column sector_name_es in es: nombre de la actividad en español
-- column sector_name_en in es: nombre de la actividad en inglés
-- column size_class in es: tramo de personas ocupadas
-- column indicator in es: código del indicador: qué se mide
-- column indicator_name_es in es: nombre del indicador en español
-- column indicator_name_en in es: nombre del indicador en inglés
-- column unit in es: unidad; si es un porcentaje, con su conjunto de referencia
-- column time_period in es: período, como lo escribe SDMX
-- column share in es: cifra de la fuente preferida
-- column other_share in es: cifra de la otra fuente
-- column difference in es: la otra cifra menos la preferida, en la unidad
-- column tolerance in es: hasta esta diferencia, dos cifras se consideran la misma (`codelist_units`)
-- column source in es: canalización preferida
-- column dataset in es: su tabla
-- column flags in es: sus marcas de observación
-- column vintage in es: momento (UTC) de la descarga en que apareció por primera vez su cifra
-- column snapshot in es: huella BLAKE3 de los bytes de los que se leyó
-- column cell in es: posición de la cifra, en bytes, en esa descarga, descomprimida
-- column other_source in es: la otra canalización
-- column other_dataset in es: su tabla
-- column other_flags in es: sus marcas de observación
-- column other_vintage in es: momento (UTC) de la descarga en que apareció por primera vez su cifra
-- column other_snapshot in es: huella BLAKE3 de los bytes de los que se leyó
-- column other_cell in es: posición de la cifra, en bytes, en esa descarga, descomprimida
-- column provenance in es: `official` (oficial) si lo son las dos cifras; si no, `synthetic` (sintético)
select
    preferred.region,
    preferred.region_name_es,
    preferred.region_name_en,
    preferred.sector,
    preferred.sector_scheme,
    preferred.sector_name_es,
    preferred.sector_name_en,
    preferred.size_class,
    preferred.indicator,
    preferred.indicator_name_es,
    preferred.indicator_name_en,
    preferred.unit,
    preferred.time_period,
    preferred.share,
    other.share as other_share,
    other.share - preferred.share as difference,
    units.tolerance,
    preferred.source,
    preferred.dataset,
    preferred.flags,
    preferred.vintage,
    preferred."snapshot",
    preferred.cell,
    other.source as other_source,
    other.dataset as other_dataset,
    other.flags as other_flags,
    other.vintage as other_vintage,
    other."snapshot" as other_snapshot,
    other.cell as other_cell,
    case
        when preferred.provenance = 'official' and other.provenance = 'official' then 'official'
        else 'synthetic'
    end as provenance
from ict_adoption as preferred
inner join ict_adoption as other
    on preferred.region = other.region
    and preferred.sector = other.sector
    and preferred.sector_scheme = other.sector_scheme
    and preferred.size_class = other.size_class
    and preferred.indicator = other.indicator
    and preferred.unit = other.unit
    and preferred.time_period = other.time_period
inner join staging.stg_units as units on preferred.unit = units.unit
where
    preferred.preferred
    and not other.preferred
    and abs(other.share - preferred.share) > units.tolerance
