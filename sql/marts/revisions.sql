-- Every change of an observation that was known before: what it was, what it became, when and by how much.
-- grain: source, dataset, indicator, region, sector, sector_scheme, size_class, unit, time_period, vintage
-- column source: the pipeline that delivered it
-- column dataset: the source's table
-- column indicator: what is measured
-- column region: NUTS 2024 or country code
-- column sector: canonical code of the activity
-- column sector_scheme: classification of the sector
-- column size_class: persons employed
-- column unit: unit, with a percentage's universe
-- column time_period: SDMX time
-- column change: revised (another value), flagged (the same value with other flags or provenance), withdrawn, or
--   returned after a withdrawal
-- column old_value: the value before; null where there was none
-- column new_value: the value since; null where there is none
-- column difference: the new value less the old one, in the unit; null where one of them is missing
-- column relative_difference: the difference as a share of the old value, 0.1 is a tenth; null where there is none
-- column old_flags: observation flags before
-- column new_flags: observation flags since
-- column old_vintage: UTC time of the snapshot in which the old state first stood
-- column vintage: UTC time of the snapshot in which the new state first stood
-- column is_in_force: whether nothing newer has come since
-- column old_snapshot: BLAKE3 of the bytes that the old state was read from
-- column old_cell: byte offset of the old value in its decompressed snapshot; null after a withdrawal
-- column snapshot: BLAKE3 of the bytes that the new state was read from
-- column cell: byte offset of the new value in its decompressed snapshot; null for a withdrawal
-- column provenance: official or synthetic, of the new state
-- audit: old_vintage < vintage
-- audit: "change" in ('revised', 'flagged', 'withdrawn', 'returned')
-- audit: "change" <> 'revised' or old_value is distinct from new_value
-- in es: Cada cambio de una observación ya conocida: qué era, qué pasó a ser, cuándo y por cuánto.
-- column source in es: canalización que lo entregó
-- column dataset in es: tabla de la fuente
-- column indicator in es: código del indicador: qué se mide
-- column region in es: código NUTS 2024 o de país
-- column sector in es: código canónico de la actividad
-- column sector_scheme in es: clasificación de la actividad
-- column size_class in es: tramo de personas ocupadas
-- column unit in es: unidad; si es un porcentaje, con su conjunto de referencia
-- column time_period in es: período, como lo escribe SDMX
-- column change in es: `revised` (otro valor), `flagged` (el mismo valor con otras marcas u otra procedencia), `withdrawn`
--   (retirada) o `returned` (repuesta después de retirada)
-- column old_value in es: valor anterior; nulo si no lo había
-- column new_value in es: valor desde entonces; nulo si no lo hay
-- column difference in es: el valor nuevo menos el anterior, en la unidad; nulo si falta uno de los dos
-- column relative_difference in es: la diferencia en proporción del valor anterior; 0,1 es una décima parte; nulo si no la hay
-- column old_flags in es: marcas de observación anteriores
-- column new_flags in es: marcas de observación desde entonces
-- column old_vintage in es: momento (UTC) de la descarga en que apareció por primera vez el estado anterior
-- column vintage in es: momento (UTC) de la descarga en que apareció por primera vez el estado nuevo
-- column is_in_force in es: si desde entonces no ha llegado nada más reciente
-- column old_snapshot in es: huella BLAKE3 de los bytes de los que se leyó el estado anterior
-- column old_cell in es: posición del valor anterior, en bytes, en su descarga descomprimida; nulo después de una retirada
-- column snapshot in es: huella BLAKE3 de los bytes de los que se leyó el estado nuevo
-- column cell in es: posición del valor nuevo, en bytes, en su descarga descomprimida; nulo si es una retirada
-- column provenance in es: `official` (oficial) o `synthetic` (sintético), del estado nuevo
with versions as (
    select
        pipeline,
        dataset,
        indicator,
        region,
        sector,
        sector_scheme,
        size_class,
        unit,
        time_period,
        observed_value,
        flags,
        vintage,
        cast(null as timestamp) as valid_to,
        false as is_withdrawal,
        "snapshot",
        cell,
        provenance
    from staging.stg_observations
    union all
    select
        pipeline,
        dataset,
        indicator,
        region,
        sector,
        sector_scheme,
        size_class,
        unit,
        time_period,
        observed_value,
        flags,
        vintage,
        valid_to,
        "change" = 'withdrawn' as is_withdrawal,
        "snapshot",
        cell,
        provenance
    from staging.stg_observation_history
),

-- Only what was followed by something can be an old state, and it is little.
superseded as (
    select * from versions where valid_to is not null
)

select
    latest.pipeline as source,
    latest.dataset,
    latest.indicator,
    latest.region,
    latest.sector,
    latest.sector_scheme,
    latest.size_class,
    latest.unit,
    latest.time_period,
    case
        when latest.is_withdrawal then 'withdrawn'
        when superseded.is_withdrawal then 'returned'
        when superseded.observed_value is distinct from latest.observed_value then 'revised'
        else 'flagged'
    end as "change",
    superseded.observed_value as old_value,
    latest.observed_value as new_value,
    latest.observed_value - superseded.observed_value as difference,
    (latest.observed_value - superseded.observed_value) / nullif(superseded.observed_value, cast(0 as double))
        as relative_difference,
    superseded.flags as old_flags,
    latest.flags as new_flags,
    superseded.vintage as old_vintage,
    latest.vintage,
    latest.valid_to is null as is_in_force,
    superseded."snapshot" as old_snapshot,
    superseded.cell as old_cell,
    latest."snapshot",
    latest.cell,
    latest.provenance
from superseded
inner join versions as latest
    on superseded.valid_to = latest.vintage
    and superseded.pipeline = latest.pipeline
    and superseded.dataset = latest.dataset
    and superseded.indicator = latest.indicator
    and superseded.region = latest.region
    and superseded.sector = latest.sector
    and superseded.sector_scheme = latest.sector_scheme
    and superseded.size_class = latest.size_class
    and superseded.unit = latest.unit
    and superseded.time_period = latest.time_period
