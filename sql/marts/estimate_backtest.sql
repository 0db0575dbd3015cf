-- How far an estimate of a region's sector would have been from what is published: each published cell is estimated as if the
-- year had no table by region and sector, by both methods of adoption_estimate. Beside it is what one would say without
-- them, the country's rate of the sector and the region's total. Neither the cell nor the region's other sectors of the year
-- are used: with all others known, subtraction from the total would give the cell, which is no estimate. So with
-- each cell all of its table is hidden.
-- grain: test, publisher, indicator, region, sector, time_period
-- column test: test_years, from another year's table by region and the country's sector of this year, or test_sectors, from
--   the region's total and the country's sectors
-- column publisher: who published the percentages
-- column indicator: what is measured
-- column indicator_name_es: name of the indicator in Spanish
-- column indicator_name_en: name of the indicator in English
-- column region: NUTS 2 region
-- column region_name_es: name of the region in Spanish
-- column region_name_en: name of the region in English
-- column sector: canonical code of the activity
-- column sector_name_es: name of the sector in Spanish
-- column sector_name_en: name of the sector in English
-- column time_period: year of reference
-- column time_year: the same as a number
-- column published_share: the percentage that was hidden
-- column estimated_share: what the estimate says
-- column sector_share: the country's percentage of the sector
-- column total_share: the region's percentage of all activities; null where that is the cell itself
-- column estimate_error: the estimate less the published percentage, in points
-- column sector_error: the country's rate of the sector less the published percentage, in points
-- column total_error: the region's total less the published percentage, in points
-- column seed_year: year of the percentages of the seed
-- column enterprises: enterprises of the cell by which it was estimated
-- column whole_region: the region whose total was known
-- column whole_sector: the sector whose total was known
-- column raking_rounds: rounds of raking
-- column raking_error: largest distance of a sum from its margin, as a share of the margin
-- column refusal: why there is no estimate; null where there is one
-- column dataset: table of the published percentage
-- column snapshot: BLAKE3 of the bytes that the published percentage was read from
-- column cell: byte offset of the value there
-- column sector_snapshot: BLAKE3 of the bytes that the country's percentage was read from
-- column sector_cell: byte offset of the value there
-- column total_snapshot: BLAKE3 of the bytes that the region's total was read from
-- column total_cell: byte offset of the value there
-- column provenance: official if everything is, otherwise synthetic
-- inputs: int_estimate_years on kind = test, publisher, indicator, whole_region, whole_sector, time_year weight enterprises
-- inputs: int_estimate_parts_of_region on kind = test, publisher, indicator, whole_region, whole_sector, time_year
--   weight enterprises
-- audit: published_share is not null and cell is not null
-- audit: estimated_share is null or estimated_share between 0 and 100
-- audit: raking_error is null or raking_error <= 1e-9
-- audit: (estimated_share is null) = (refusal is not null)
-- in es: Cuánto se habría alejado una estimación de la actividad de una región de lo que está publicado: cada celda publicada
--   se estima como si el año no tuviera tabla por región y actividad, con los dos métodos de `adoption_estimate`. Al lado está
--   lo que se diría sin ellos: el porcentaje del país en la actividad y el total de la región. No se usan ni la celda ni las
--   demás actividades de la región en ese año: conocidas todas las demás, la resta del total daría la celda, y eso no es una
--   estimación. Por eso, con cada celda se oculta toda su tabla.
-- column test in es: `test_years`, a partir de la tabla por regiones de otro año y de la actividad en el país este año, o
--   `test_sectors`, a partir del total de la región y de las actividades en el país
-- column publisher in es: organismo que publicó los porcentajes
-- column indicator in es: código del indicador: qué se mide
-- column indicator_name_es in es: nombre del indicador en español
-- column indicator_name_en in es: nombre del indicador en inglés
-- column region in es: región NUTS 2
-- column region_name_es in es: nombre de la región en español
-- column region_name_en in es: nombre de la región en inglés
-- column sector in es: código canónico de la actividad
-- column sector_name_es in es: nombre de la actividad en español
-- column sector_name_en in es: nombre de la actividad en inglés
-- column time_period in es: año de referencia
-- column time_year in es: el mismo año, como número
-- column published_share in es: porcentaje que se ocultó
-- column estimated_share in es: lo que dice la estimación
-- column sector_share in es: porcentaje del país en la actividad
-- column total_share in es: porcentaje de la región en todas las actividades; nulo si es la propia celda
-- column estimate_error in es: la estimación menos el porcentaje publicado, en puntos
-- column sector_error in es: el porcentaje del país en la actividad menos el publicado, en puntos
-- column total_error in es: el total de la región menos el porcentaje publicado, en puntos
-- column seed_year in es: año de los porcentajes de la semilla
-- column enterprises in es: empresas de la celda con las que se estimó
-- column whole_region in es: región cuyo total se conocía
-- column whole_sector in es: actividad cuyo total se conocía
-- column raking_rounds in es: iteraciones del ajuste
-- column raking_error in es: mayor diferencia entre una suma y su marginal, en proporción del marginal
-- column refusal in es: por qué no hay estimación; nulo si la hay
-- column dataset in es: tabla del porcentaje publicado
-- column snapshot in es: huella BLAKE3 de los bytes de los que se leyó el porcentaje publicado
-- column cell in es: posición del valor, en bytes, en esa descarga
-- column sector_snapshot in es: huella BLAKE3 de los bytes de los que se leyó el porcentaje del país
-- column sector_cell in es: posición del valor, en bytes, en esa descarga
-- column total_snapshot in es: huella BLAKE3 de los bytes de los que se leyó el total de la región
-- column total_cell in es: posición del valor, en bytes, en esa descarga
-- column provenance in es: `official` (oficial) si todo lo es; si no, `synthetic` (sintético)
with parts as (
    select kind, publisher, indicator, whole_region, whole_sector, time_year, part_region, part_sector, part_size, seed_year,
        enterprises, provenance
    from intermediate.int_estimate_years
    union all
    select kind, publisher, indicator, whole_region, whole_sector, time_year, part_region, part_sector, part_size, seed_year,
        enterprises, provenance
    from intermediate.int_estimate_parts_of_region
)

select
    parts.kind as test,
    parts.publisher,
    parts.indicator,
    indicators.indicator_name_es,
    indicators.indicator_name_en,
    parts.part_region as region,
    regions.region_name_es,
    regions.region_name_en,
    parts.part_sector as sector,
    sectors.sector_name_es,
    sectors.sector_name_en,
    cast(parts.time_year as varchar) as time_period,
    parts.time_year,
    published.share as published_share,
    round(100 * raked.raked / parts.enterprises, 6) as estimated_share,
    country.share as sector_share,
    total.share as total_share,
    round(100 * raked.raked / parts.enterprises - published.share, 6) as estimate_error,
    round(country.share - published.share, 6) as sector_error,
    round(total.share - published.share, 6) as total_error,
    parts.seed_year,
    parts.enterprises,
    parts.whole_region,
    parts.whole_sector,
    raked.raking_rounds,
    raked.raking_error,
    raked.raking_refusal as refusal,
    published.dataset,
    published."snapshot",
    published.cell,
    country."snapshot" as sector_snapshot,
    country.cell as sector_cell,
    total."snapshot" as total_snapshot,
    total.cell as total_cell,
    greatest(parts.provenance, published.provenance) as provenance
from parts
inner join intermediate.int_estimates as raked
    on parts.kind = raked.kind and parts.publisher = raked.publisher and parts.indicator = raked.indicator
    and parts.whole_region = raked.whole_region and parts.whole_sector = raked.whole_sector
    and parts.time_year = raked.time_year and parts.part_region = raked.part_region
    and parts.part_sector = raked.part_sector and parts.part_size = raked.part_size and raked.uses
inner join intermediate.int_estimate_series as published
    on parts.publisher = published.publisher and parts.indicator = published.indicator
    and parts.part_region = published.region and parts.part_sector = published.sector
    and parts.part_size = published.size_class and parts.time_year = published.time_year
    and published.share is not null
left join intermediate.int_estimate_series as country
    on parts.publisher = country.publisher and parts.indicator = country.indicator and country.is_country
    and parts.part_sector = country.sector and parts.part_size = country.size_class
    and parts.time_year = country.time_year
left join intermediate.int_estimate_series as total
    on parts.publisher = total.publisher and parts.indicator = total.indicator and parts.part_region = total.region
    and parts.part_size = total.size_class and parts.time_year = total.time_year and parts.part_sector <> total.sector
    and total.sector in (select total from staging.stg_sector_partitions)
left join staging.stg_indicators as indicators on parts.indicator = indicators.indicator
left join staging.stg_regions as regions on parts.part_region = regions.region
left join staging.stg_sectors as sectors on parts.part_sector = sectors.sector and sectors.sector_scheme = 'NACE_R2'
where parts.kind in ('test_years', 'test_sectors')
