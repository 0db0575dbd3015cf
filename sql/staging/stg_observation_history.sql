-- What was in force before, and withdrawals: one row a pipeline, dataset, canonical key and vintage.
-- grain: pipeline, dataset, indicator, region, sector, sector_scheme, size_class, unit, time_period, vintage
-- column pipeline: who delivered it
-- column dataset: the source's table
-- column indicator: what is measured (codelist_indicators)
-- column region: NUTS 2024 or country code
-- column sector: canonical code of the activity
-- column sector_scheme: classification of the sector
-- column size_class: persons employed
-- column unit: unit, with a percentage's universe
-- column time_period: SDMX time
-- column observed_value: the value; null where the source said that there was none, in a withdrawal, and of a cell that is
--   confidential now, whatever it was
-- column flags: observation flags, sorted letters; null where there were none
-- column vintage: UTC time of the snapshot from which on this held
-- column valid_to: UTC time of the snapshot from which on it no longer held; null for a withdrawal that is in force
-- column change: what it was against the vintage before: new, revised, flagged or withdrawn
-- column snapshot: BLAKE3 of the source's bytes
-- column cell: byte offset of the value in the decompressed snapshot; null in a withdrawal, and of a cell that is confidential now
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
    cast("value" as double) as observed_value,
    flags,
    vintage,
    valid_to,
    "change",
    "snapshot",
    cell,
    provenance
from lake.observation_history
