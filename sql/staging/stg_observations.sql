-- Every observation in force, as the lake has it: one row a pipeline, dataset and canonical key.
-- grain: pipeline, dataset, indicator, region, sector, sector_scheme, size_class, unit, time_period
-- column pipeline: who delivered it
-- column dataset: the source's table
-- column indicator: what is measured (codelist_indicators)
-- column region: NUTS 2024 or country code
-- column sector: canonical code of the activity
-- column sector_scheme: classification of the sector
-- column size_class: persons employed
-- column unit: unit, with a percentage's universe
-- column time_period: SDMX time
-- column period_start: first day of the period, for what needs a date; null of a period that is no year, half, quarter or month
-- column observed_value: the value; null where the source says that there is none
-- column flags: observation flags, sorted letters; null where there are none
-- column vintage: UTC time of the snapshot in which this value first stood
-- column snapshot: BLAKE3 of the source's bytes
-- column cell: byte offset of the value in the decompressed snapshot
-- column provenance: official or synthetic
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
    case
        when time_period like '____' then try_cast(time_period || '-01-01' as date)
        when time_period like '____-__' and substring(time_period, 6, 1) between '0' and '1'
            then try_cast(time_period || '-01' as date)
        when time_period like '____-Q_'
            then try_cast(
                substring(time_period, 1, 4) || case substring(time_period, 7, 1)
                    when '1' then '-01-01' when '2' then '-04-01' when '3' then '-07-01' when '4' then '-10-01'
                end as date
            )
        when time_period like '____-S_'
            then try_cast(
                substring(time_period, 1, 4)
                || case substring(time_period, 7, 1) when '1' then '-01-01' when '2' then '-07-01' end as date
            )
    end as period_start,
    cast("value" as double) as observed_value,
    flags,
    vintage,
    "snapshot",
    cell,
    provenance
from lake.observations
