-- The driving forces of digitalisation by region: how many enterprises use each, how that changed, what place the region
-- has, what separates it from its country, from the European Union and from the best region, and how many years that is.
-- A force that has no value for a region and year has a row of its own that says why, with NONE in place of the indicator.
-- latest_driving_forces keeps the newest of these rows beside the newest measured ones, so that no force is missing where
-- nothing was ever measured; of an older year than the measured row they say nothing: ask for status = 'measured'.
-- grain: force, region, sector, sector_scheme, size_class, indicator, unit, time_period, publisher
-- column force: the driving force
-- column force_position: its place in the order, from 1
-- column force_name_es: its name in Spanish
-- column force_name_en: its name in English
-- column status: measured; no_value (the source has the cell without a figure); not_in_data (no cell for the region and
--   year, though there is such a statistic); no_statistic (no official statistic measures the force, or none by region)
-- column statement_es: what measures the force, or why there is no figure, in Spanish
-- column statement_en: what measures the force, or why there is no figure, in English
-- column role: lead for the indicator that the force is judged by, support for others, none where there is no figure
-- column region: NUTS 2024 or country code, or EU27_2020
-- column region_level: country, aggregate or nuts2
-- column region_name_es: name of the region in Spanish
-- column region_name_en: name of the region in English
-- column sector: canonical code of the activity; C10-S951_X_K is Eurostat's total
-- column sector_scheme: classification of the sector
-- column sector_name_es: name of the sector in Spanish
-- column sector_name_en: name of the sector in English
-- column size_class: persons employed
-- column indicator: what is measured; NONE where there is nothing
-- column indicator_name_es: name of the indicator in Spanish
-- column indicator_name_en: name of the indicator in English
-- column unit: unit, with the percentage's universe; NONE where there is nothing
-- column time_period: year of reference
-- column publisher: who published it; NONE where nobody did
-- column share: percentage, 0 to 100; null where there is none
-- column change_points: points since the year before; null where that has no value or the series broke
-- column rank_in_country: place among the NUTS 2 regions of its country with a value; equal values share a place
-- column regions_in_country: how many were compared
-- column rank_in_eu: place among the NUTS 2 regions of the European Union with a value; null where all are of one country
-- column regions_in_eu: how many were compared
-- column country_share: percentage of its country
-- column gap_to_country_points: the region's less the country's; negative is a lag
-- column eu_share: percentage of the European Union
-- column gap_to_eu_points: the region's less the European Union's
-- column best_region: the best NUTS 2 region of the European Union, or of the country where only its regions have values;
--   without values of low reliability; null where the region has no value
-- column best_share: its percentage
-- column gap_to_best_points: the region's less that
-- column years_behind_country: years since the country had the region's level, linear between years; null where unknown
-- column years_behind_country_status: known, not_behind, before_first_year or break
-- column years_behind_eu: years since the European Union had the region's level
-- column years_behind_eu_status: known, not_behind, before_first_year or break
-- column flags: observation flags of the region's value
-- column source: the pipeline that delivered it
-- column dataset: its table
-- column vintage: UTC time of the snapshot in which it first stood
-- column snapshot: BLAKE3 of the bytes that it was read from
-- column cell: byte offset of the value in the decompressed snapshot
-- column previous_snapshot: BLAKE3 of the bytes of the value of the year before
-- column previous_cell: byte offset of it there
-- column country_snapshot: BLAKE3 of the bytes of the country's value
-- column country_cell: byte offset of it there
-- column eu_snapshot: BLAKE3 of the bytes of the European Union's value
-- column eu_cell: byte offset of it there
-- column best_snapshot: BLAKE3 of the bytes of the best region's value
-- column best_cell: byte offset of it there
-- column country_before_snapshot: BLAKE3 of the bytes of the country's last value at the region's level or below
-- column country_before_cell: byte offset of it there
-- column country_after_snapshot: BLAKE3 of the bytes of the country's next value
-- column country_after_cell: byte offset of it there
-- column eu_before_snapshot: BLAKE3 of the bytes of the European Union's last value at the region's level or below
-- column eu_before_cell: byte offset of it there
-- column eu_after_snapshot: BLAKE3 of the bytes of the European Union's next value
-- column eu_after_cell: byte offset of it there
-- column suppliers: where no official statistic measures the force in the region, members of the supplying cluster there who
--   serve it, as their newest export says: in the row of the region's newest year only, and not of the past; null elsewhere
-- column suppliers_declared: of these, who say so themselves; the others' activity suggests it
-- column supply_vintage: UTC time of that export
-- column provenance: official if all values of the row are, otherwise synthetic; none for a row without any
-- audit: share is null or share between 0 and 100
-- audit: suppliers is null or (status = 'no_statistic' and suppliers_declared between 0 and suppliers)
-- audit: provenance in ('official', 'synthetic') or (provenance = 'none' and cell is null)
-- audit: status in ('measured', 'no_value', 'not_in_data', 'no_statistic')
-- audit: (status = 'measured') = (share is not null)
-- audit: (share is null) or ("snapshot" is not null and cell is not null)
-- audit: (change_points is null) = (previous_cell is null) and (previous_cell is null) = (previous_snapshot is null)
-- audit: gap_to_country_points is null or abs(share - country_share - gap_to_country_points) < 0.0001
-- audit: gap_to_eu_points is null or abs(share - eu_share - gap_to_eu_points) < 0.0001
-- audit: rank_in_country is null or rank_in_country between 1 and regions_in_country
-- audit: rank_in_eu is null or rank_in_eu between 1 and regions_in_eu
-- audit: flags is null or flags not like '%b%' or change_points is null
-- audit: years_behind_country_status is null or years_behind_country_status <> 'not_behind' or gap_to_country_points >= 0
-- audit: region_name_es is not null and sector_name_es is not null and force_name_es is not null
-- audit: force <> 'quantum_computing' or (status = 'no_statistic' and statement_es is not null and statement_en is not null)
-- audit: indicator = 'NONE' or indicator_name_es is not null
-- audit warn: exists a row where status = 'measured' and region = 'ES13' and force = 'artificial_intelligence'
-- in es: Las fuerzas motrices de la digitalización por región: cuántas empresas usan cada una, cómo ha cambiado, qué puesto
--   ocupa la región, qué la separa de su país, de la Unión Europea y de la mejor región, y cuántos años son. Una fuerza sin
--   valor para una región y un año tiene una fila propia que dice por qué, con `NONE` en lugar del indicador.
--   `latest_driving_forces` conserva la más reciente de estas filas junto a las últimas medidas, para que no falte ninguna
--   fuerza donde nunca se midió nada; si es de un año anterior al de la fila medida, no dice nada: pida status = 'measured'.
-- column force in es: fuerza motriz
-- column force_position in es: su lugar en el orden, desde 1
-- column force_name_es in es: su nombre en español
-- column force_name_en in es: su nombre en inglés
-- column status in es: `measured` (medida); `no_value` (la fuente tiene la celda, sin cifra); `not_in_data` (no hay celda de la
--   región y el año, aunque esa estadística existe); `no_statistic` (ninguna estadística oficial mide la fuerza, o ninguna por
--   regiones)
-- column statement_es in es: qué mide la fuerza, o por qué no hay cifra, en español
-- column statement_en in es: qué mide la fuerza, o por qué no hay cifra, en inglés
-- column role in es: `lead` si es el indicador con que se juzga la fuerza, `support` si es de apoyo, `none` si no hay cifra
-- column region in es: código NUTS 2024 o de país, o `EU27_2020`
-- column region_level in es: `country` (país), `aggregate` (agregado) o `nuts2`
-- column region_name_es in es: nombre de la región en español
-- column region_name_en in es: nombre de la región en inglés
-- column sector in es: código canónico de la actividad; `C10-S951_X_K` es el total de Eurostat
-- column sector_scheme in es: clasificación de la actividad
-- column sector_name_es in es: nombre de la actividad en español
-- column sector_name_en in es: nombre de la actividad en inglés
-- column size_class in es: tramo de personas ocupadas
-- column indicator in es: código del indicador: qué se mide; `NONE` si no hay nada
-- column indicator_name_es in es: nombre del indicador en español
-- column indicator_name_en in es: nombre del indicador en inglés
-- column unit in es: unidad, con el conjunto de referencia del porcentaje; `NONE` si no hay nada
-- column time_period in es: año de referencia
-- column publisher in es: organismo que lo publicó; `NONE` si nadie lo hizo
-- column share in es: porcentaje, de 0 a 100; nulo si no lo hay
-- column change_points in es: puntos desde el año anterior; nulo si ese año no tiene valor o la serie se rompió
-- column rank_in_country in es: puesto entre las regiones NUTS 2 de su país con valor; los valores iguales comparten puesto
-- column regions_in_country in es: cuántas se compararon
-- column rank_in_eu in es: puesto entre las regiones NUTS 2 de la Unión Europea con valor; nulo si todas son de un país
-- column regions_in_eu in es: cuántas se compararon
-- column country_share in es: porcentaje de su país
-- column gap_to_country_points in es: el de la región menos el del país; negativo es un retraso
-- column eu_share in es: porcentaje de la Unión Europea
-- column gap_to_eu_points in es: el de la región menos el de la Unión Europea
-- column best_region in es: mejor región NUTS 2 de la Unión Europea, o del país si solo sus regiones tienen valor; sin contar
--   valores de fiabilidad baja; nulo si la región no tiene valor
-- column best_share in es: su porcentaje
-- column gap_to_best_points in es: el de la región menos el de esa
-- column years_behind_country in es: años desde que el país tenía el nivel de la región, con interpolación lineal entre años;
--   nulo si no se sabe
-- column years_behind_country_status in es: `known` (conocido), `not_behind` (no va por detrás), `before_first_year` (antes del
--   primer año) o `break` (ruptura)
-- column years_behind_eu in es: años desde que la Unión Europea tenía el nivel de la región
-- column years_behind_eu_status in es: `known` (conocido), `not_behind` (no va por detrás), `before_first_year` (antes del
--   primer año) o `break` (ruptura)
-- column flags in es: marcas de observación del valor de la región
-- column source in es: canalización que lo entregó
-- column dataset in es: su tabla
-- column vintage in es: momento (UTC) de la descarga en que apareció por primera vez
-- column snapshot in es: huella BLAKE3 de los bytes de los que se leyó
-- column cell in es: posición del valor, en bytes, en la descarga descomprimida
-- column previous_snapshot in es: huella BLAKE3 de los bytes del valor del año anterior
-- column previous_cell in es: su posición, en bytes, en esa descarga
-- column country_snapshot in es: huella BLAKE3 de los bytes del valor del país
-- column country_cell in es: su posición, en bytes, en esa descarga
-- column eu_snapshot in es: huella BLAKE3 de los bytes del valor de la Unión Europea
-- column eu_cell in es: su posición, en bytes, en esa descarga
-- column best_snapshot in es: huella BLAKE3 de los bytes del valor de la mejor región
-- column best_cell in es: su posición, en bytes, en esa descarga
-- column country_before_snapshot in es: huella BLAKE3 de los bytes del último valor del país igual o inferior al nivel de la
--   región
-- column country_before_cell in es: su posición, en bytes, en esa descarga
-- column country_after_snapshot in es: huella BLAKE3 de los bytes del valor siguiente del país
-- column country_after_cell in es: su posición, en bytes, en esa descarga
-- column eu_before_snapshot in es: huella BLAKE3 de los bytes del último valor de la Unión Europea igual o inferior al nivel de
--   la región
-- column eu_before_cell in es: su posición, en bytes, en esa descarga
-- column eu_after_snapshot in es: huella BLAKE3 de los bytes del valor siguiente de la Unión Europea
-- column eu_after_cell in es: su posición, en bytes, en esa descarga
-- column suppliers in es: donde ninguna estadística oficial mide la fuerza en la región, socios del clúster proveedor que la
--   cubren allí, según su fichero más reciente: solo en la fila del último año de la región, y no del pasado; nulo en las demás
-- column suppliers_declared in es: de ellos, los que lo declaran; de los demás lo sugiere su actividad
-- column supply_vintage in es: momento (UTC) de ese fichero de socios
-- column provenance in es: `official` (oficial) si lo son todos los valores de la fila; si no, `synthetic` (sintético); `none`
--   en una fila sin valores
with placed as (
    select suppliers.force, suppliers.region, suppliers.basis, suppliers.vintage, suppliers.provenance
    from intermediate.int_force_suppliers as suppliers
    union all
    select suppliers.force, regions.country, suppliers.basis, suppliers.vintage, suppliers.provenance
    from intermediate.int_force_suppliers as suppliers
    inner join staging.stg_regions as regions on suppliers.region = regions.region
),

supply as (
    select
        force,
        region,
        cast(count(*) as bigint) as suppliers,
        cast(sum(case when basis = 'declared' then 1 else 0 end) as bigint) as declared,
        max(vintage) as vintage,
        max(provenance) as provenance
    from placed
    group by force, region
),

newest as (
    select region, max(time_year) as time_year
    from intermediate.int_force_keys
    group by region
)

select
    forces.force,
    forces.force_position,
    forces.force_name_es,
    forces.force_name_en,
    keys.status,
    case
        when keys.status = 'no_value' then 'La fuente tiene la celda sin dato (confidencial o no disponible)'
        when keys.status = 'not_in_data' then 'No hay dato de esta región y este año en las fuentes cargadas'
        else forces.statement_es
    end as statement_es,
    case
        when keys.status = 'no_value' then 'The source has the cell without a figure (confidential or not available)'
        when keys.status = 'not_in_data' then 'The loaded sources have no figure of this region and year'
        else forces.statement_en
    end as statement_en,
    keys.role,
    keys.region,
    regions.region_level,
    regions.region_name_es,
    regions.region_name_en,
    keys.sector,
    keys.sector_scheme,
    sectors.sector_name_es,
    sectors.sector_name_en,
    keys.size_class,
    keys.indicator,
    indicators.indicator_name_es,
    indicators.indicator_name_en,
    keys.unit,
    cast(keys.time_year as varchar) as time_period,
    keys.publisher,
    compared.share,
    cast(cast(compared.share as decimal(12, 6)) - cast(compared.previous_share as decimal(12, 6)) as double)
        as change_points,
    compared.rank_in_country,
    compared.regions_in_country,
    compared.rank_in_eu,
    compared.regions_in_eu,
    compared.country_share,
    cast(cast(compared.share as decimal(12, 6)) - cast(compared.country_share as decimal(12, 6)) as double)
        as gap_to_country_points,
    compared.eu_share,
    cast(cast(compared.share as decimal(12, 6)) - cast(compared.eu_share as decimal(12, 6)) as double)
        as gap_to_eu_points,
    coalesce(compared.eu_best_region, compared.country_best_region) as best_region,
    coalesce(compared.eu_best_share, compared.country_best_share) as best_share,
    cast(
        cast(compared.share as decimal(12, 6))
        - cast(coalesce(compared.eu_best_share, compared.country_best_share) as decimal(12, 6)) as double
    ) as gap_to_best_points,
    country.years_behind as years_behind_country,
    country.status as years_behind_country_status,
    eu.years_behind as years_behind_eu,
    eu.status as years_behind_eu_status,
    compared.flags,
    compared.source,
    compared.dataset,
    compared.vintage,
    compared."snapshot",
    compared.cell,
    case when compared.share is not null then compared.previous_snapshot end as previous_snapshot,
    case when compared.share is not null then compared.previous_cell end as previous_cell,
    compared.country_snapshot,
    compared.country_cell,
    compared.eu_snapshot,
    compared.eu_cell,
    coalesce(compared.eu_best_snapshot, compared.country_best_snapshot) as best_snapshot,
    coalesce(compared.eu_best_cell, compared.country_best_cell) as best_cell,
    country.before_snapshot as country_before_snapshot,
    country.before_cell as country_before_cell,
    country.after_snapshot as country_after_snapshot,
    country.after_cell as country_after_cell,
    eu.before_snapshot as eu_before_snapshot,
    eu.before_cell as eu_before_cell,
    eu.after_snapshot as eu_after_snapshot,
    eu.after_cell as eu_after_cell,
    supply.suppliers,
    supply.declared as suppliers_declared,
    supply.vintage as supply_vintage,
    case
        when compared.publisher is null then coalesce(supply.provenance, 'none')
        when compared.share is null then compared.provenance
        when compared.provenance = 'official'
            and coalesce(compared.previous_provenance, 'official') = 'official'
            and coalesce(compared.country_provenance, 'official') = 'official'
            and coalesce(compared.eu_provenance, 'official') = 'official'
            and coalesce(compared.eu_best_provenance, compared.country_best_provenance, 'official') = 'official'
            and coalesce(country.provenance, 'official') = 'official'
            and coalesce(eu.provenance, 'official') = 'official' then 'official'
        else 'synthetic'
    end as provenance
from intermediate.int_force_keys as keys
inner join staging.stg_driving_forces as forces on keys.force = forces.force
left join intermediate.int_comparisons as compared
    on keys.publisher = compared.publisher
    and keys.indicator = compared.indicator
    and keys.unit = compared.unit
    and keys.size_class = compared.size_class
    and keys.sector_scheme = compared.sector_scheme
    and keys.sector = compared.sector
    and keys.region = compared.region
    and keys.time_year = compared.time_year
left join intermediate.int_years_behind as country
    on country.reference = 'country'
    and compared.publisher = country.publisher
    and compared.indicator = country.indicator
    and compared.unit = country.unit
    and compared.size_class = country.size_class
    and compared.sector_scheme = country.sector_scheme
    and compared.sector = country.sector
    and compared.region = country.region
    and compared.time_year = country.time_year
left join intermediate.int_years_behind as eu
    on eu.reference = 'eu'
    and compared.publisher = eu.publisher
    and compared.indicator = eu.indicator
    and compared.unit = eu.unit
    and compared.size_class = eu.size_class
    and compared.sector_scheme = eu.sector_scheme
    and compared.sector = eu.sector
    and compared.region = eu.region
    and compared.time_year = eu.time_year
left join newest on keys.region = newest.region and keys.time_year = newest.time_year
left join supply
    on keys.status = 'no_statistic'
    and newest.region = supply.region
    and keys.force = supply.force
left join staging.stg_regions as regions on keys.region = regions.region
left join staging.stg_sectors as sectors on keys.sector = sectors.sector and keys.sector_scheme = sectors.sector_scheme
left join staging.stg_indicators as indicators on keys.indicator = indicators.indicator
