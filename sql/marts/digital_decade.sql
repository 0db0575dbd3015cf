-- How far each country and NUTS 2 region is from the targets of the Digital Decade, at which pace it moves, and when that pace
-- reaches them. The pace is the slope of the line of least squares through all years since the last break; its 95 % interval
-- is that of the year in which the line crosses the target (Fieller), and is said only with four years or more.
-- grain: target_measure, region, publisher
-- column target_measure: the target, and what it is measured by
-- column target: the target; one may have several measures
-- column target_name_es: the target in Spanish
-- column target_name_en: the target in English
-- column measure: target for the indicator of the target itself, proxy for a wider one that is published by region
-- column target_share: percentage to be reached
-- column is_exceeded: whether it must be exceeded, not only reached
-- column target_year: by when
-- column region: NUTS 2024 or country code, or EU27_2020
-- column region_level: country, aggregate or nuts2
-- column region_name_es: name of the region in Spanish
-- column region_name_en: name of the region in English
-- column publisher: who published the values; NONE where there are none
-- column sector: the total of all activities of the survey; _Z where households are counted
-- column sector_scheme: classification of the sector
-- column size_class: persons employed
-- column indicator: what is measured
-- column unit: unit, with the percentage's universe
-- column time_period: the newest year with a value
-- column share: its percentage
-- column distance_points: what is missing to the target, in points; 0 where it is reached
-- column needed_points_per_year: points a year that would reach it in time from the newest value; null where it is reached,
--   or the target year is over
-- column trend_points_per_year: slope of the line; null with one year
-- column trend_years: how many years the line goes through
-- column trend_points: these years with their percentages
-- column segment: the segment of the series, without a break in it, that these years are of
-- column reached_in_year: year in which the line crosses the target, with its fraction; null where status says why
-- column reached_from_year: lower end of the 95 % interval of that year
-- column reached_to_year: upper end of it
-- column status: reached; in_time or late (by the line); not_approaching (the line falls or stays); beyond_2100; one_year
--   (no line through one point); no_data
-- column interval_status: given; fewer_than_four_years; pace_uncertain (the interval of the pace includes none at all, so that
--   there is no upper end); no_year (there is no year to give an interval of)
-- column flags: observation flags of the newest value
-- column source: the pipeline that delivered it
-- column dataset: its table
-- column vintage: UTC time of the snapshot in which it first stood
-- column snapshot: BLAKE3 of the bytes that it was read from
-- column cell: byte offset of the value in the decompressed snapshot
-- column cells: all values of the trend, each as snapshot:cell, in the order of the years
-- column provenance: official if all values are, otherwise synthetic; none where there are none
-- audit: share is null or share between 0 and 100
-- audit: status in ('reached', 'in_time', 'late', 'not_approaching', 'beyond_2100', 'one_year', 'no_data')
-- audit: (status = 'no_data') = (share is null) and (share is null) = (cell is null)
-- audit: ("snapshot" is null) = (cell is null)
-- audit: distance_points is null or distance_points between 0 and 100
-- audit: (distance_points is null) = (share is null)
-- audit: (reached_in_year is not null) = (status in ('in_time', 'late'))
-- audit: reached_from_year is null or reached_from_year <= reached_in_year
-- audit: reached_to_year is null or reached_to_year >= reached_in_year
-- audit: (interval_status = 'given') = (reached_from_year is not null and reached_to_year is not null)
-- audit: interval_status <> 'given' or trend_years >= 4
-- audit: status <> 'in_time' or (trend_points_per_year > 0 and reached_in_year <= target_year)
-- audit: region_name_es is not null
-- inputs: int_series on publisher, indicator, unit, size_class, sector_scheme, sector, region, segment
--   where share is not null
-- in es: A qué distancia está cada país y cada región NUTS 2 de los objetivos de la Década Digital, a qué ritmo avanza y cuándo
--   los alcanzaría a ese ritmo. El ritmo es la pendiente de la recta de mínimos cuadrados de todos los años desde la última
--   ruptura; su intervalo del 95 % es el del año en que la recta cruza el objetivo (Fieller) y solo se da con cuatro años o
--   más.
-- column target_measure in es: objetivo y con qué se mide
-- column target in es: objetivo; uno puede medirse de varias formas
-- column target_name_es in es: objetivo, en español
-- column target_name_en in es: objetivo, en inglés
-- column measure in es: `target` si es el indicador del propio objetivo, `proxy` (aproximación) si es uno más amplio que se
--   publica por regiones
-- column target_share in es: porcentaje que hay que alcanzar
-- column is_exceeded in es: si hay que superarlo, y no solo alcanzarlo
-- column target_year in es: año límite
-- column region in es: código NUTS 2024 o de país, o `EU27_2020`
-- column region_level in es: `country` (país), `aggregate` (agregado) o `nuts2`
-- column region_name_es in es: nombre de la región en español
-- column region_name_en in es: nombre de la región en inglés
-- column publisher in es: organismo que publicó los valores; `NONE` si no los hay
-- column sector in es: total de actividades de la encuesta; `_Z` donde se cuentan hogares
-- column sector_scheme in es: clasificación de la actividad
-- column size_class in es: tramo de personas ocupadas
-- column indicator in es: código del indicador: qué se mide
-- column unit in es: unidad, con el conjunto de referencia del porcentaje
-- column time_period in es: último año con valor
-- column share in es: porcentaje de ese año
-- column distance_points in es: lo que falta para el objetivo, en puntos; 0 si está alcanzado
-- column needed_points_per_year in es: puntos al año con que se llegaría a tiempo desde el último valor; nulo si está alcanzado
--   o si ya pasó el año límite
-- column trend_points_per_year in es: pendiente de la recta; nula si solo hay un año
-- column trend_years in es: número de años de la recta
-- column trend_points in es: esos años con sus porcentajes
-- column segment in es: tramo de la serie, sin rupturas, al que pertenecen esos años
-- column reached_in_year in es: año en que la recta cruza el objetivo, con su fracción; nulo si `status` dice por qué
-- column reached_from_year in es: extremo inferior del intervalo del 95 % de ese año
-- column reached_to_year in es: extremo superior de ese intervalo
-- column status in es: `reached` (alcanzado); `in_time` o `late` (a tiempo o tarde, según la recta); `not_approaching` (la
--   recta baja o no se mueve); `beyond_2100` (después de 2100); `one_year` (con un solo punto no hay recta); `no_data` (sin
--   datos)
-- column interval_status in es: `given` (se da); `fewer_than_four_years` (menos de cuatro años); `pace_uncertain` (el intervalo
--   del ritmo incluye un ritmo nulo, y no hay extremo superior); `no_year` (no hay año del que dar un intervalo)
-- column flags in es: marcas de observación del último valor
-- column source in es: canalización que lo entregó
-- column dataset in es: su tabla
-- column vintage in es: momento (UTC) de la descarga en que apareció por primera vez
-- column snapshot in es: huella BLAKE3 de los bytes de los que se leyó
-- column cell in es: posición del valor, en bytes, en la descarga descomprimida
-- column cells in es: todos los valores de la tendencia, cada uno como descarga:celda, en el orden de los años
-- column provenance in es: `official` (oficial) si lo son todos los valores; si no, `synthetic` (sintético); `none` si no hay
--   ninguno
with trends as (
    select
        targets.target_measure,
        trends.*,
        series.share,
        series.flags,
        series.source,
        series.dataset,
        series.vintage,
        series."snapshot",
        series.cell,
        case when targets.is_exceeded then series.share > targets.target_share else series.share >= targets.target_share end
            as is_reached,
        targets.target_share - trends.mean_share as rise,
        -- Half of the interval is this many times the standard error of the line.
        case
            when trends.years >= 4 then
                student.quantile_975 * sqrt(trends.residual_spread / cast(trends.years - 2 as double))
        end as width
    from intermediate.int_trends as trends
    inner join staging.stg_digital_decade_targets as targets
        on trends.indicator = targets.indicator
        and trends.unit = targets.unit
        and trends.size_class = targets.size_class
    inner join intermediate.int_series as series
        on trends.publisher = series.publisher
        and trends.indicator = series.indicator
        and trends.unit = series.unit
        and trends.size_class = series.size_class
        and trends.sector_scheme = series.sector_scheme
        and trends.sector = series.sector
        and trends.region = series.region
        and trends.last_year = series.time_year
    left join staging.stg_student_t as student on trends.years - 2 = student.degrees_of_freedom
),

-- The years d after the mean year in which the line and its band are at the target: b d = rise, and
-- (rise - b d)² = width² (1/n + d²/spread), which has two ends only where b² is more than width²/spread.
crossings as (
    select
        trends.*,
        case when slope > 0 and not is_reached then mean_year + rise / slope end as line_year,
        case when slope > 0 and not is_reached then slope * slope - width * width / year_spread end as curvature
    from trends
),

judged as (
    select
        crossings.*,
        case
            when is_reached then 'reached'
            when years = 1 then 'one_year'
            when slope <= 0 then 'not_approaching'
            when line_year >= 2101 then 'beyond_2100'
            else 'crosses'
        end as course,
        case
            when curvature > 0 then
                width * sqrt(rise * rise / year_spread + curvature / cast(years as double)) / curvature
        end as half_width,
        case when curvature > 0 then mean_year + slope * rise / curvature end as middle_year
    from crossings
),

places as (
    select distinct region
    from intermediate.int_trends
)

select
    targets.target_measure,
    targets.target,
    targets.target_name_es,
    targets.target_name_en,
    targets.measure,
    targets.target_share,
    targets.is_exceeded,
    targets.target_year,
    places.region,
    regions.region_level,
    regions.region_name_es,
    regions.region_name_en,
    coalesce(judged.publisher, 'NONE') as publisher,
    judged.sector,
    judged.sector_scheme,
    targets.size_class,
    targets.indicator,
    targets.unit,
    cast(judged.last_year as varchar) as time_period,
    judged.share,
    case
        when judged.share is not null then
            cast(greatest(
                cast(0 as decimal(12, 6)),
                cast(targets.target_share as decimal(12, 6)) - cast(judged.share as decimal(12, 6))
            ) as double)
    end as distance_points,
    case
        when not judged.is_reached and targets.target_year > judged.last_year then
            (targets.target_share - judged.share) / cast(targets.target_year - judged.last_year as double)
    end as needed_points_per_year,
    judged.slope as trend_points_per_year,
    judged.years as trend_years,
    judged.points as trend_points,
    judged.segment,
    case when judged.course = 'crosses' then judged.line_year end as reached_in_year,
    case when judged.course = 'crosses' then judged.middle_year - judged.half_width end as reached_from_year,
    case when judged.course = 'crosses' then judged.middle_year + judged.half_width end as reached_to_year,
    case
        when judged.share is null then 'no_data'
        when judged.course = 'crosses' and judged.line_year <= cast(targets.target_year as double) then 'in_time'
        when judged.course = 'crosses' then 'late'
        else judged.course
    end as status,
    case
        when coalesce(judged.course, 'none') <> 'crosses' then 'no_year'
        when judged.years < 4 then 'fewer_than_four_years'
        when judged.half_width is null then 'pace_uncertain'
        else 'given'
    end as interval_status,
    judged.flags,
    judged.source,
    judged.dataset,
    judged.vintage,
    judged."snapshot",
    judged.cell,
    judged.cells,
    coalesce(judged.provenance, 'none') as provenance
from places
cross join staging.stg_digital_decade_targets as targets
left join judged on places.region = judged.region and targets.target_measure = judged.target_measure
left join staging.stg_regions as regions on places.region = regions.region
