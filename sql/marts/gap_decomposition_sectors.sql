-- The sectors behind gap_decomposition: what each adds to the gap of a NUTS 2 region to its country, and the weights that it
-- was computed with. Only gaps for which counts of enterprises cover all sectors.
-- grain: region, indicator, unit, size_class, total, sector_scheme, time_period, publisher, sector
-- column region: NUTS 2 region
-- column region_name_es: name of the region in Spanish
-- column region_name_en: name of the region in English
-- column indicator: what is measured
-- column indicator_name_es: name of the indicator in Spanish
-- column indicator_name_en: name of the indicator in English
-- column unit: percentage of enterprises
-- column size_class: persons employed
-- column total: the total of all activities that is taken apart
-- column sector_scheme: classification of the sector
-- column time_period: year of reference
-- column publisher: who published the shares
-- column sector: one sector of the partition
-- column sector_name_es: name of the sector in Spanish
-- column sector_name_en: name of the sector in English
-- column sector_partition: name of the partition
-- column share: percentage of the region's enterprises of the sector
-- column country_share: percentage of the country's enterprises of the sector
-- column weights_dataset: the table with the counts of enterprises
-- column weights_indicator: what is counted there
-- column weights_size: of which size
-- column weights_year: year of the counts
-- column enterprises: enterprises of the sector in the region
-- column country_enterprises: enterprises of the sector in the country
-- column weight: share of the region's enterprises that are of the sector, 0 to 1
-- column country_weight: share of the country's enterprises that are of the sector, 0 to 1
-- column mix_points: the sector's part of the gap by its weight: half of the adoption of region and country above the
--   country's average, times the difference of the weights
-- column within_points: the sector's part of the gap by adoption in it: the difference, times the mean of the weights
-- column snapshot: BLAKE3 of the bytes that the region's percentage was read from
-- column cell: byte offset of the value there
-- column country_snapshot: BLAKE3 of the bytes that the country's percentage was read from
-- column country_cell: byte offset of the value there
-- column weight_cells: the cells of the region's count, each as snapshot:cell
-- column country_weight_cells: the cells of the country's count, each as snapshot:cell
-- column provenance: official if everything is, otherwise synthetic
-- audit: enterprises <= country_enterprises
-- audit: sector_name_es is not null and region_name_es is not null
-- audit: cell is not null and country_cell is not null and weight_cells is not null and country_weight_cells is not null
-- inputs: int_sector_weights on sector, region, cells = weight_cells
-- inputs: int_sector_weights on sector, cells = country_weight_cells
-- in es: Las actividades que hay detrás de `gap_decomposition`: qué añade cada una a la distancia de una región NUTS 2 a su
--   país y con qué pesos se calculó. Solo las distancias para las que hay recuentos de empresas de todas las actividades.
-- column region in es: región NUTS 2
-- column region_name_es in es: nombre de la región en español
-- column region_name_en in es: nombre de la región en inglés
-- column indicator in es: código del indicador: qué se mide
-- column indicator_name_es in es: nombre del indicador en español
-- column indicator_name_en in es: nombre del indicador en inglés
-- column unit in es: porcentaje de empresas
-- column size_class in es: tramo de personas ocupadas
-- column total in es: total de actividades que se descompone
-- column sector_scheme in es: clasificación de la actividad
-- column time_period in es: año de referencia
-- column publisher in es: organismo que publicó los porcentajes
-- column sector in es: una actividad de la partición
-- column sector_name_es in es: nombre de la actividad en español
-- column sector_name_en in es: nombre de la actividad en inglés
-- column sector_partition in es: nombre de la partición
-- column share in es: porcentaje de las empresas de la actividad en la región
-- column country_share in es: porcentaje de las empresas de la actividad en el país
-- column weights_dataset in es: tabla de los recuentos de empresas
-- column weights_indicator in es: qué se cuenta en ella
-- column weights_size in es: tamaño de las empresas que se cuentan
-- column weights_year in es: año de los recuentos
-- column enterprises in es: empresas de la actividad en la región
-- column country_enterprises in es: empresas de la actividad en el país
-- column weight in es: parte de las empresas de la región que son de la actividad, de 0 a 1
-- column country_weight in es: parte de las empresas del país que son de la actividad, de 0 a 1
-- column mix_points in es: parte de la distancia que se debe al peso de la actividad: la media de la adopción de la región y
--   del país en ella, en exceso sobre la media del país, por la diferencia de pesos
-- column within_points in es: parte de la distancia que se debe a la adopción dentro de la actividad: la diferencia, por la
--   media de los pesos
-- column snapshot in es: huella BLAKE3 de los bytes de los que se leyó el porcentaje de la región
-- column cell in es: posición del valor, en bytes, en esa descarga
-- column country_snapshot in es: huella BLAKE3 de los bytes de los que se leyó el porcentaje del país
-- column country_cell in es: posición del valor, en bytes, en esa descarga
-- column weight_cells in es: celdas del recuento de la región, cada una como descarga:celda
-- column country_weight_cells in es: celdas del recuento del país, cada una como descarga:celda
-- column provenance in es: `official` (oficial) si todo lo es; si no, `synthetic` (sintético)
select
    parts.region,
    regions.region_name_es,
    regions.region_name_en,
    parts.indicator,
    indicators.indicator_name_es,
    indicators.indicator_name_en,
    parts.unit,
    parts.size_class,
    parts.total,
    parts.sector_scheme,
    cast(parts.time_year as varchar) as time_period,
    parts.publisher,
    parts.sector,
    sectors.sector_name_es,
    sectors.sector_name_en,
    parts.sector_partition,
    parts.share,
    parts.country_share,
    parts.weights_dataset,
    parts.weights_indicator,
    parts.weights_size,
    parts.weights_year,
    parts.enterprises,
    parts.country_enterprises,
    parts.weight,
    parts.country_weight,
    parts.mix_points,
    parts.within_points,
    parts."snapshot",
    parts.cell,
    parts.country_snapshot,
    parts.country_cell,
    parts.weight_cells,
    parts.country_weight_cells,
    parts.provenance
from intermediate.int_gap_parts as parts
left join staging.stg_regions as regions on parts.region = regions.region
left join staging.stg_indicators as indicators on parts.indicator = indicators.indicator
left join staging.stg_sectors as sectors
    on parts.sector = sectors.sector
    and parts.sector_scheme = sectors.sector_scheme
