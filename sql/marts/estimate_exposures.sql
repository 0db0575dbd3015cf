-- What the estimates say of suppressed cells, looked at from outside, as somebody would who has the build: each sum that such a
-- cell stands in and an estimate as well, and how many more of it nobody knows. An estimate that is held back is known, too,
-- where others of its table are told, since it follows from them. That the suppressed cell is never the only unknown is
-- audited here. Sums without an estimate are left out: what follows from the sources alone is for them to allow.
-- grain: region, sector, size_class, indicator, time_period, dimension, sum_name, whole
-- column region: region of NUTS 1 or 2, or country, of the suppressed cell
-- column sector: canonical code of its activity
-- column size_class: its persons employed
-- column indicator: what is measured
-- column time_period: year of reference
-- column time_year: the same as a number
-- column dimension: what is added up: region, sector or size_class; itself for an estimate of the cell
-- column sum_name: name of the sum
-- column whole: code of its whole in that dimension
-- column estimates: members of the sum that can be known from estimates
-- column other_unknowns: members besides the suppressed cell that neither a source gives nor an estimate
-- in es: Lo que las estimaciones dicen de las celdas suprimidas, visto desde fuera, como lo vería quien tenga la publicación: cada
--   suma en la que están una celda suprimida y también una estimación, y cuántas celdas más de ella no conoce nadie. Una
--   estimación retenida cuenta como conocida donde se publican otras de su tabla, pues se deduce de ellas. Aquí se audita que la
--   celda suprimida no sea nunca la única incógnita. No figuran las sumas sin estimación: lo que se deduce solo de las fuentes es
--   cosa de ellas.
-- column region in es: región NUTS 1 o 2, o país, de la celda suprimida
-- column sector in es: código canónico de su actividad
-- column size_class in es: sus personas ocupadas
-- column indicator in es: código del indicador: qué se mide
-- column time_period in es: año de referencia
-- column time_year in es: el mismo año, como número
-- column dimension in es: qué se suma: `region` (región), `sector` (actividad) o `size_class` (tamaño); `itself` si es una estimación
--   de la propia celda
-- column sum_name in es: nombre de la suma
-- column whole in es: código del total en esa dimensión
-- column estimates in es: sumandos que pueden conocerse por estimaciones
-- column other_unknowns in es: sumandos, además de la celda suprimida, que no dan ni una fuente ni una estimación
-- audit: other_unknowns > 0
with told as (
    select distinct publisher, indicator, kind, whole_region, whole_sector, time_year
    from adoption_estimate
    where share is not null
),

known as (
    select distinct estimates.region, estimates.sector, estimates.size_class, estimates.indicator, estimates.time_year
    from adoption_estimate as estimates
    inner join told
        on estimates.publisher = told.publisher and estimates.indicator = told.indicator and estimates.kind = told.kind
        and estimates.whole_region = told.whole_region and estimates.whole_sector = told.whole_sector
        and estimates.time_year = told.time_year
),

sums as (
    select
        sums.region,
        sums.sector,
        sums.size_class,
        sums.indicator,
        sums.time_year,
        sums.dimension,
        sums.sum_name,
        sums.whole,
        count(known.region) as estimates,
        cast(sum(case when sums.is_official or known.region is not null then 0 else 1 end) as bigint) as other_unknowns
    from intermediate.int_withheld_sums as sums
    left join known
        on sums.member_region = known.region and sums.member_sector = known.sector
        and sums.member_size = known.size_class and sums.indicator = known.indicator
        and sums.time_year = known.time_year
    group by
        sums.region, sums.sector, sums.size_class, sums.indicator, sums.time_year, sums.dimension, sums.sum_name, sums.whole
    having count(known.region) > 0
    union all
    select
        withheld.region, withheld.sector, withheld.size_class, withheld.indicator, withheld.time_year,
        'itself', 'itself', withheld.sector, 1, 0
    from intermediate.int_withheld_cells as withheld
    inner join known
        on withheld.region = known.region and withheld.sector = known.sector and withheld.size_class = known.size_class
        and withheld.indicator = known.indicator and withheld.time_year = known.time_year
)

select
    region,
    sector,
    size_class,
    indicator,
    cast(time_year as varchar) as time_period,
    time_year,
    dimension,
    sum_name,
    whole,
    estimates,
    other_unknowns
from sums
