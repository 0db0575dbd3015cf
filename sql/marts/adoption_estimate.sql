-- Percentages of enterprises that no source has, estimated by region, sector and size class for the indicators that the driving
-- forces are judged by, in Spain: years before the tables by region, parts of their sectors, size classes. SPREE by raking
-- counts (int_estimates). Never of a published cell, nor of a suppressed one, which stands here without a value; none of a
-- whole of which a part is suppressed; and none that would, with what the sources publish, leave a suppressed cell as the
-- only unknown of a sum. estimate_exposures audits that.
-- grain: region, sector, size_class, indicator, time_period, publisher
-- column region: NUTS 2 region
-- column region_name_es: name of the region in Spanish
-- column region_name_en: name of the region in English
-- column sector: canonical code of the activity
-- column sector_name_es: name of the sector in Spanish
-- column sector_name_en: name of the sector in English
-- column size_class: persons employed
-- column indicator: what is measured
-- column indicator_name_es: name of the indicator in Spanish
-- column indicator_name_en: name of the indicator in English
-- column driving_force: the driving force that the indicator belongs to
-- column unit: percentage of enterprises
-- column time_period: year of reference
-- column time_year: the same as a number
-- column publisher: whose percentages it is made from
-- column basis: estimated; what is official stands in ict_adoption
-- column share: percentage, 0 to 100; null where it is refused or not reliable
-- column interval_low: lower end of the 95 % interval: 1.96 times error_points below the share, but not below 0
-- column interval_high: upper end of it, but not above 100
-- column cv: coefficient of variation, in per cent: error_points over the estimate; null where there is no share, which could be
--   computed from it
-- column reliability: by the coefficient, as Statistics Canada does: up to 16.5 good, up to 33.3 with_caution, above that
--   suppressed, without a value; null where it is refused
-- column flags: e for estimated, where there is a value
-- column refusal: why there is no estimate; null where there is one
-- column kind: years (before there was a table by region), sub_sectors or sizes; null of a suppressed cell
-- column method: spree: the seed is a cross-table; independence: there is none, and the parts are taken to differ as in all of
--   the country's enterprises
-- column seed_dataset: table of the percentage of the seed
-- column seed_year: year of it
-- column whole_region: the region whose total is the margin: the country for years, otherwise the region itself
-- column whole_sector: the sector whose total is the margin
-- column whole_share: the published percentage of it
-- column margin_scaling: what the margin was multiplied with: by these counts the regions do not add up to the country by the
--   survey's own weights; 1 changes nothing
-- column users: enterprises that use the technology, by these counts
-- column enterprises: enterprises of the cell
-- column counts_dataset: the table with the counts of enterprises
-- column counts_indicator: what is counted there: enterprises or local units
-- column counts_size: the enterprises that are counted, by size; TOTAL are also those below ten, which the survey does not ask
-- column counts_year: of which year they are; the nearest one
-- column raking_rounds: rounds over both margins
-- column raking_error: largest distance of a sum from its margin, as a share of the margin
-- column error_test: the test of estimate_backtest whose errors are taken; test_sectors also for sizes, of which no region
--   publishes any, so that their own error is not known
-- column error_cells: cells of this indicator that were hidden in it
-- column error_points: root mean squared error of these, in points; of test_years from tables that lie a year apart, so that
--   it says too little of years that are farther from seed_year
-- column provenance: official if everything is, otherwise synthetic
-- inputs: int_estimate_years on kind, publisher, indicator, whole_region, whole_sector, time_year weight enterprises
-- inputs: int_estimate_parts_of_region on kind, publisher, indicator, whole_region, whole_sector, time_year weight enterprises
-- audit: basis = 'estimated'
-- audit: region_name_es is not null and sector_name_es is not null and indicator_name_es is not null
-- audit: share is null or (share between 0 and 100 and interval_low <= share and share <= interval_high)
-- audit: raking_error is null or raking_error <= 1e-9
-- audit: (share is null) = (refusal is not null or reliability = 'suppressed')
-- audit: (share is null) = (flags is null)
-- audit: (share is null) = (cv is null)
-- audit: cv is null or (reliability = 'good') = (cv <= 16.5) and cv <= 33.3
-- audit: share is null or users <= enterprises * 1.000000001
-- audit warn: exists a row where region = 'ES13' and share is not null
-- in es: Porcentajes de empresas que ninguna fuente publica, estimados por región, actividad y tamaño para los indicadores con
--   que se juzgan las fuerzas motrices, en España: años anteriores a las tablas por regiones, partes de sus actividades y
--   tramos de tamaño. SPREE por ajuste iterativo de recuentos (`int_estimates`). Nunca de una celda publicada ni de una
--   suprimida, que aparece aquí sin valor; de ningún total con una parte suprimida; y ninguna que, con lo que publican las
--   fuentes, dejara una celda suprimida como única incógnita de una suma. Lo audita `estimate_exposures`.
-- column region in es: región NUTS 2
-- column region_name_es in es: nombre de la región en español
-- column region_name_en in es: nombre de la región en inglés
-- column sector in es: código canónico de la actividad
-- column sector_name_es in es: nombre de la actividad en español
-- column sector_name_en in es: nombre de la actividad en inglés
-- column size_class in es: tramo de personas ocupadas
-- column indicator in es: código del indicador: qué se mide
-- column indicator_name_es in es: nombre del indicador en español
-- column indicator_name_en in es: nombre del indicador en inglés
-- column driving_force in es: fuerza motriz a la que pertenece el indicador
-- column unit in es: porcentaje de empresas
-- column time_period in es: año de referencia
-- column time_year in es: el mismo año, como número
-- column publisher in es: organismo cuyos porcentajes se han usado
-- column basis in es: siempre `estimated` (estimado); lo oficial está en `ict_adoption`
-- column share in es: porcentaje, de 0 a 100; nulo si la estimación se rechaza o no es fiable
-- column interval_low in es: extremo inferior del intervalo del 95 %: el porcentaje menos 1,96 veces `error_points`, pero no
--   menos de 0
-- column interval_high in es: extremo superior del intervalo, pero no más de 100
-- column cv in es: coeficiente de variación, en porcentaje: `error_points` entre la estimación; nulo donde no se da el
--   porcentaje, que podría calcularse a partir de él
-- column reliability in es: según el coeficiente, como hace Statistics Canada: hasta 16,5 `good` (buena), hasta 33,3
--   `with_caution` (con cautela), por encima `suppressed` (suprimida, sin valor); nulo si la estimación se rechaza
-- column flags in es: `e` (estimado) donde hay valor
-- column refusal in es: por qué no hay estimación; nulo si la hay
-- column kind in es: `years` (años anteriores a la tabla por regiones), `sub_sectors` (partes de una actividad) o `sizes`
--   (tamaños); nulo en una celda confidencial
-- column method in es: `spree`: la semilla es una tabla cruzada; `independence`: no la hay, y se supone que las partes difieren
--   como en el conjunto de las empresas del país
-- column seed_dataset in es: tabla del porcentaje de la semilla
-- column seed_year in es: año del porcentaje de la semilla
-- column whole_region in es: región cuyo total es el marginal: el país si son años, la propia región en los demás casos
-- column whole_sector in es: actividad cuyo total es el marginal
-- column whole_share in es: porcentaje publicado de ese total
-- column margin_scaling in es: por cuánto se multiplicó el marginal: con estos recuentos, las regiones no suman el país según
--   los pesos de la propia encuesta; 1 no cambia nada
-- column users in es: empresas que usan la tecnología, según estos recuentos
-- column enterprises in es: empresas de la celda
-- column counts_dataset in es: tabla de los recuentos de empresas
-- column counts_indicator in es: qué se cuenta en ella: empresas o unidades locales
-- column counts_size in es: tamaño de las empresas que se cuentan; `TOTAL` incluye las de menos de 10 personas ocupadas, que la
--   encuesta no abarca
-- column counts_year in es: año de los recuentos; el más próximo
-- column raking_rounds in es: iteraciones del ajuste a los dos marginales
-- column raking_error in es: mayor diferencia entre una suma y su marginal, en proporción del marginal
-- column error_test in es: prueba de `estimate_backtest` cuyos errores se toman; `test_sectors` también para los tamaños, que
--   ninguna región publica y cuyo error propio no se conoce
-- column error_cells in es: celdas de este indicador que se ocultaron en esa prueba
-- column error_points in es: raíz del error cuadrático medio de esas celdas, en puntos; el de `test_years` es de tablas
--   separadas por un año y se queda corto para años más alejados de `seed_year`
-- column provenance in es: `official` (oficial) si todo lo es; si no, `synthetic` (sintético)
with errors as (
    select
        estimates.publisher, estimates.indicator, estimates.region, estimates.sector, estimates.size_class,
        estimates.time_year, estimates.kind, estimates.whole_region, estimates.whole_sector, estimates.method,
        estimates.seed_dataset, estimates.seed_year, estimates.whole_share, estimates.margin_scaling, estimates.enterprises,
        estimates.counts_dataset, estimates.counts_indicator, estimates.counts_size, estimates.counts_year,
        estimates.users, estimates.estimated_share, estimates.raking_rounds, estimates.raking_error, estimates.error_test,
        estimates.provenance,
        case
            when disclosures.kind is not null
                then 'with what is published, a suppressed cell would follow from the estimates of this whole'
            else estimates.refusal
        end as refusal,
        errors.cells as error_cells,
        errors.estimate_root_mean_squared_error as error_points,
        case
            when estimates.refusal is null and disclosures.kind is null and estimates.estimated_share > 0
                then round(100 * errors.estimate_root_mean_squared_error / estimates.estimated_share, 6)
        end as cv,
        errors.provenance as error_provenance
    from intermediate.int_estimate_cells as estimates
    left join estimate_backtest_summary as errors
        on estimates.error_test = errors.test and estimates.publisher = errors.publisher
        and estimates.indicator = errors.indicator and errors.sector = '_ALL'
    left join intermediate.int_estimate_disclosures as disclosures
        on estimates.kind = disclosures.kind and estimates.publisher = disclosures.publisher
        and estimates.indicator = disclosures.indicator and estimates.whole_region = disclosures.whole_region
        and estimates.whole_sector = disclosures.whole_sector and estimates.time_year = disclosures.time_year
),

judged as (
    select
        errors.*,
        case
            when refusal is not null or error_cells is null then null
            when cv <= 16.5 then 'good'
            when cv <= 33.3 then 'with_caution'
            else 'suppressed'
        end as reliability,
        case
            when refusal is null and error_cells is null
                then 'no published cell to test it on: its error is not known'
            else refusal
        end as refused
    from errors
),

cells as (
    select publisher, indicator, region, sector, size_class, time_year, refused as refusal,
        greatest(provenance, coalesce(error_provenance, 'official')) as provenance
    from judged
    union all
    select withheld.publisher, withheld.indicator, withheld.region, withheld.sector, withheld.size_class,
        withheld.time_year, 'suppressed in a published table: an estimate could reveal it', withheld.provenance
    from intermediate.int_withheld_cells as withheld
    inner join staging.stg_regions as places on withheld.region = places.region and places.region_level = 'nuts2'
)

select
    cells.region,
    regions.region_name_es,
    regions.region_name_en,
    cells.sector,
    sectors.sector_name_es,
    sectors.sector_name_en,
    cells.size_class,
    cells.indicator,
    indicators.indicator_name_es,
    indicators.indicator_name_en,
    indicators.driving_force,
    'PC_ENT' as unit,
    cast(cells.time_year as varchar) as time_period,
    cells.time_year,
    cells.publisher,
    'estimated' as basis,
    case when judged.reliability in ('good', 'with_caution') then judged.estimated_share end as share,
    case
        when judged.reliability in ('good', 'with_caution')
            then greatest(round(judged.estimated_share - 1.96 * judged.error_points, 6), 0)
    end as interval_low,
    case
        when judged.reliability in ('good', 'with_caution')
            then least(round(judged.estimated_share + 1.96 * judged.error_points, 6), 100)
    end as interval_high,
    case when judged.reliability in ('good', 'with_caution') then judged.cv end as cv,
    judged.reliability,
    case when judged.reliability in ('good', 'with_caution') then 'e' end as flags,
    cells.refusal,
    judged.kind,
    judged.method,
    judged.seed_dataset,
    judged.seed_year,
    judged.whole_region,
    judged.whole_sector,
    judged.whole_share,
    judged.margin_scaling,
    case when judged.reliability in ('good', 'with_caution') then round(judged.users, 6) end as users,
    judged.enterprises,
    judged.counts_dataset,
    judged.counts_indicator,
    judged.counts_size,
    judged.counts_year,
    judged.raking_rounds,
    judged.raking_error,
    judged.error_test,
    judged.error_cells,
    judged.error_points,
    cells.provenance
from cells
left join judged
    on cells.publisher = judged.publisher and cells.indicator = judged.indicator and cells.region = judged.region
    and cells.sector = judged.sector and cells.size_class = judged.size_class and cells.time_year = judged.time_year
left join staging.stg_regions as regions on cells.region = regions.region
left join staging.stg_sectors as sectors on cells.sector = sectors.sector and sectors.sector_scheme = 'NACE_R2'
left join staging.stg_indicators as indicators on cells.indicator = indicators.indicator
