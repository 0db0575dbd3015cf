-- What separates each NUTS 2 region and each country from its country, from the European Union and from the best region, in
-- every indicator, sector, size class and year. Only the same publisher's survey is compared. A negative gap is a lag. The best
-- is the highest value: of what enterprises suffer or lack, such as E_SEC2IANY and E_ISPDF_LT30, a lag is the good side.
-- grain: region, sector, sector_scheme, size_class, indicator, unit, time_period, publisher
-- column region: NUTS 2024 or country code
-- column region_level: country or nuts2
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
-- column driving_force: the driving force that the indicator belongs to
-- column unit: unit, with the percentage's universe
-- column universe: what the share is a percentage of
-- column time_period: year of reference
-- column publisher: who published it
-- column share: percentage of the region, 0 to 100
-- column country_share: that of its country; null for a country
-- column gap_to_country_points: the region's less the country's, in points
-- column eu_share: that of the European Union
-- column gap_to_eu_points: the region's less the European Union's, in points
-- column country_best_region: the best NUTS 2 region of the country, without values of low reliability
-- column country_best_share: its percentage
-- column gap_to_country_best_points: the region's less that, in points; above 0 only for a region of low reliability
-- column eu_best_region: the best NUTS 2 region of the European Union, without values of low reliability
-- column eu_best_share: its percentage
-- column gap_to_eu_best_points: the region's less that, in points
-- column flags: observation flags of the region's value
-- column source: the pipeline that delivered it
-- column dataset: its table
-- column vintage: UTC time of the snapshot in which it first stood
-- column snapshot: BLAKE3 of the bytes that it was read from
-- column cell: byte offset of the value in the decompressed snapshot
-- column country_snapshot: BLAKE3 of the bytes of the country's value
-- column country_cell: byte offset of the country's value there
-- column eu_snapshot: BLAKE3 of the bytes of the European Union's value
-- column eu_cell: byte offset of the European Union's value there
-- column country_best_snapshot: BLAKE3 of the bytes of the value of the country's best region
-- column country_best_cell: byte offset of that value there
-- column eu_best_snapshot: BLAKE3 of the bytes of the value of the European Union's best region
-- column eu_best_cell: byte offset of that value there
-- column provenance: official if all values of the row are, otherwise synthetic
-- audit: share between 0 and 100
-- audit: gap_to_country_points is null or abs(share - country_share - gap_to_country_points) < 0.0001
-- audit: (country_snapshot is null) = (country_cell is null) and (country_cell is null) = (gap_to_country_points is null)
-- audit: (eu_snapshot is null) = (eu_cell is null) and (eu_cell is null) = (gap_to_eu_points is null)
-- audit: gap_to_country_best_points is null or gap_to_country_best_points <= 0 or flags like '%u%'
-- audit: gap_to_eu_best_points is null or gap_to_eu_best_points <= 0 or flags like '%u%' or region_level = 'country'
-- audit: region_name_es is not null and sector_name_es is not null and indicator_name_es is not null and universe is not null
-- audit: provenance in ('official', 'synthetic')
-- in es: Qué separa a cada región NUTS 2 y a cada país de su país, de la Unión Europea y de la mejor región, en cada indicador,
--   actividad, tamaño y año. Solo se compara dentro de la encuesta de un mismo organismo. Una distancia negativa es un retraso.
--   La mejor es la de valor más alto: en lo que las empresas padecen o les falta, como `E_SEC2IANY` y `E_ISPDF_LT30`, quedar
--   por detrás es lo bueno.
-- column region in es: código NUTS 2024 o de país
-- column region_level in es: `country` (país) o `nuts2`
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
-- column driving_force in es: fuerza motriz a la que pertenece el indicador
-- column unit in es: unidad, con el conjunto de referencia del porcentaje
-- column universe in es: de qué conjunto es el porcentaje
-- column time_period in es: año de referencia
-- column publisher in es: organismo que lo publicó
-- column share in es: porcentaje de la región, de 0 a 100
-- column country_share in es: porcentaje de su país; nulo si la fila es de un país
-- column gap_to_country_points in es: el de la región menos el del país, en puntos
-- column eu_share in es: porcentaje de la Unión Europea
-- column gap_to_eu_points in es: el de la región menos el de la Unión Europea, en puntos
-- column country_best_region in es: mejor región NUTS 2 del país, sin contar valores de fiabilidad baja
-- column country_best_share in es: su porcentaje
-- column gap_to_country_best_points in es: el de la región menos el de esa, en puntos; mayor que 0 solo en una región de
--   fiabilidad baja
-- column eu_best_region in es: mejor región NUTS 2 de la Unión Europea, sin contar valores de fiabilidad baja
-- column eu_best_share in es: su porcentaje
-- column gap_to_eu_best_points in es: el de la región menos el de esa, en puntos
-- column flags in es: marcas de observación del valor de la región
-- column source in es: canalización que lo entregó
-- column dataset in es: su tabla
-- column vintage in es: momento (UTC) de la descarga en que apareció por primera vez
-- column snapshot in es: huella BLAKE3 de los bytes de los que se leyó
-- column cell in es: posición del valor, en bytes, en la descarga descomprimida
-- column country_snapshot in es: huella BLAKE3 de los bytes del valor del país
-- column country_cell in es: posición del valor del país, en bytes, en esa descarga
-- column eu_snapshot in es: huella BLAKE3 de los bytes del valor de la Unión Europea
-- column eu_cell in es: posición del valor de la Unión Europea, en bytes, en esa descarga
-- column country_best_snapshot in es: huella BLAKE3 de los bytes del valor de la mejor región del país
-- column country_best_cell in es: posición de ese valor, en bytes, en esa descarga
-- column eu_best_snapshot in es: huella BLAKE3 de los bytes del valor de la mejor región de la Unión Europea
-- column eu_best_cell in es: posición de ese valor, en bytes, en esa descarga
-- column provenance in es: `official` (oficial) si lo son todos los valores de la fila; si no, `synthetic` (sintético)
select
    compared.region,
    compared.region_level,
    regions.region_name_es,
    regions.region_name_en,
    compared.sector,
    compared.sector_scheme,
    sectors.sector_name_es,
    sectors.sector_name_en,
    compared.size_class,
    compared.indicator,
    indicators.indicator_name_es,
    indicators.indicator_name_en,
    indicators.driving_force,
    compared.unit,
    units.universe,
    cast(compared.time_year as varchar) as time_period,
    compared.publisher,
    compared.share,
    compared.country_share,
    -- Differences of figures with two decimals, without the noise of binary fractions.
    cast(cast(compared.share as decimal(12, 6)) - cast(compared.country_share as decimal(12, 6)) as double)
        as gap_to_country_points,
    compared.eu_share,
    cast(cast(compared.share as decimal(12, 6)) - cast(compared.eu_share as decimal(12, 6)) as double)
        as gap_to_eu_points,
    compared.country_best_region,
    compared.country_best_share,
    cast(cast(compared.share as decimal(12, 6)) - cast(compared.country_best_share as decimal(12, 6)) as double)
        as gap_to_country_best_points,
    compared.eu_best_region,
    compared.eu_best_share,
    cast(cast(compared.share as decimal(12, 6)) - cast(compared.eu_best_share as decimal(12, 6)) as double)
        as gap_to_eu_best_points,
    compared.flags,
    compared.source,
    compared.dataset,
    compared.vintage,
    compared."snapshot",
    compared.cell,
    compared.country_snapshot,
    compared.country_cell,
    compared.eu_snapshot,
    compared.eu_cell,
    compared.country_best_snapshot,
    compared.country_best_cell,
    compared.eu_best_snapshot,
    compared.eu_best_cell,
    case
        when compared.provenance = 'official'
            and coalesce(compared.country_provenance, 'official') = 'official'
            and coalesce(compared.eu_provenance, 'official') = 'official'
            and coalesce(compared.country_best_provenance, 'official') = 'official'
            and coalesce(compared.eu_best_provenance, 'official') = 'official' then 'official'
        else 'synthetic'
    end as provenance
from intermediate.int_comparisons as compared
left join staging.stg_regions as regions on compared.region = regions.region
left join staging.stg_sectors as sectors
    on compared.sector = sectors.sector
    and compared.sector_scheme = sectors.sector_scheme
left join staging.stg_indicators as indicators on compared.indicator = indicators.indicator
left join staging.stg_units as units on compared.unit = units.unit
where compared.share is not null and compared.region_level in ('country', 'nuts2')
