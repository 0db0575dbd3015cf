-- The errors of estimate_backtest by indicator and sector: of the estimate, and of the two numbers that one has without it.
-- Only cells that have all three count, so that they are compared on the same ones.
-- grain: test, publisher, indicator, sector
-- column test: how the cells were hidden: test_years or test_sectors
-- column publisher: who published the percentages; _ALL is all together
-- column indicator: what is measured; _ALL is all together
-- column sector: canonical code of the activity; _ALL is all together
-- column cells: cells that were hidden
-- column estimate_mean_absolute_error: of the estimate, in points
-- column sector_mean_absolute_error: of the country's rate of the sector, in points
-- column total_mean_absolute_error: of the region's total, in points
-- column estimate_root_mean_squared_error: of the estimate, in points
-- column sector_root_mean_squared_error: of the country's rate of the sector, in points
-- column total_root_mean_squared_error: of the region's total, in points
-- column estimate_mean_error: of the estimate, in points; far from 0 it is too high or too low on the whole
-- column is_best: whether the estimate has a smaller root mean squared error than both others
-- column provenance: official if all cells are, otherwise synthetic
-- inputs: estimate_backtest on test, publisher, indicator, sector where refusal is null
-- audit: cells >= 1 and estimate_root_mean_squared_error >= estimate_mean_absolute_error - 0.000001
-- in es: Los errores de `estimate_backtest` por indicador y actividad: los de la estimación y los de las dos cifras que se
--   tienen sin ella. Solo cuentan las celdas que tienen las tres, para compararlas sobre las mismas.
-- column test in es: cómo se ocultaron las celdas: `test_years` o `test_sectors`
-- column publisher in es: organismo que publicó los porcentajes; `_ALL` es el conjunto
-- column indicator in es: código del indicador: qué se mide; `_ALL` es el conjunto
-- column sector in es: código canónico de la actividad; `_ALL` es el conjunto
-- column cells in es: celdas que se ocultaron
-- column estimate_mean_absolute_error in es: error absoluto medio de la estimación, en puntos
-- column sector_mean_absolute_error in es: error absoluto medio del porcentaje del país en la actividad, en puntos
-- column total_mean_absolute_error in es: error absoluto medio del total de la región, en puntos
-- column estimate_root_mean_squared_error in es: raíz del error cuadrático medio de la estimación, en puntos
-- column sector_root_mean_squared_error in es: raíz del error cuadrático medio del porcentaje del país en la actividad, en
--   puntos
-- column total_root_mean_squared_error in es: raíz del error cuadrático medio del total de la región, en puntos
-- column estimate_mean_error in es: error medio de la estimación, en puntos; lejos de 0, en conjunto es demasiado alta o
--   demasiado baja
-- column is_best in es: si la raíz del error cuadrático medio de la estimación es menor que las otras dos
-- column provenance in es: `official` (oficial) si lo son todas las celdas; si no, `synthetic` (sintético)
with errors as (
    -- Sums of decimals do not depend on their order.
    select
        test, publisher, indicator, sector, provenance,
        cast(estimate_error as decimal(12, 6)) as estimate_error,
        cast(sector_error as decimal(12, 6)) as sector_error,
        cast(total_error as decimal(12, 6)) as total_error
    from estimate_backtest
    where estimate_error is not null and sector_error is not null and total_error is not null
),

groups as (
    select * from errors
    union all
    select test, publisher, indicator, '_ALL', provenance, estimate_error, sector_error, total_error from errors
    union all
    select test, publisher, '_ALL', '_ALL', provenance, estimate_error, sector_error, total_error from errors
    union all
    select test, '_ALL', '_ALL', '_ALL', provenance, estimate_error, sector_error, total_error from errors
),

sums as (
    select
        test, publisher, indicator, sector,
        count(*) as cells,
        cast(sum(abs(estimate_error)) as double) as estimate_absolute,
        cast(sum(abs(sector_error)) as double) as sector_absolute,
        cast(sum(abs(total_error)) as double) as total_absolute,
        cast(sum(estimate_error * estimate_error) as double) as estimate_squares,
        cast(sum(sector_error * sector_error) as double) as sector_squares,
        cast(sum(total_error * total_error) as double) as total_squares,
        cast(sum(estimate_error) as double) as estimate_sum,
        max(provenance) as provenance
    from groups
    group by test, publisher, indicator, sector
)

select
    test,
    publisher,
    indicator,
    sector,
    cells,
    round(estimate_absolute / cells, 6) as estimate_mean_absolute_error,
    round(sector_absolute / cells, 6) as sector_mean_absolute_error,
    round(total_absolute / cells, 6) as total_mean_absolute_error,
    round(sqrt(estimate_squares / cells), 6) as estimate_root_mean_squared_error,
    round(sqrt(sector_squares / cells), 6) as sector_root_mean_squared_error,
    round(sqrt(total_squares / cells), 6) as total_root_mean_squared_error,
    round(estimate_sum / cells, 6) as estimate_mean_error,
    estimate_squares < sector_squares and estimate_squares < total_squares as is_best,
    provenance
from sums
