-- The percentages that estimates are made from and tested on: the indicators that the driving forces are judged by, as
-- percentage of enterprises, in Spain and its NUTS 2 regions. Only these, so that a run stays short.
-- grain: publisher, indicator, size_class, sector, region, time_year
-- column publisher: who published it
-- column indicator: what is measured
-- column size_class: persons employed
-- column sector: canonical code of the activity, of NACE Rev. 2 or of INE's survey
-- column region: NUTS 2 region or country
-- column is_country: whether it is the country
-- column time_year: year of reference
-- column share: the percentage; null where the source says that there is none
-- column dataset: the source's table
-- column snapshot: BLAKE3 of the bytes that it was read from
-- column cell: byte offset of the value in the decompressed snapshot
-- column provenance: official or synthetic
-- audit: share is null or share between 0 and 100
select
    series.publisher,
    series.indicator,
    series.size_class,
    series.sector,
    series.region,
    series.region_level = 'country' as is_country,
    series.time_year,
    series.share,
    series.dataset,
    series."snapshot",
    series.cell,
    series.provenance
from intermediate.int_series as series
inner join staging.stg_driving_force_indicators as forces
    on series.indicator = forces.indicator and series.unit = forces.unit and forces.role = 'lead'
where series.unit = 'PC_ENT' and series.sector_scheme = 'NACE_R2' and series.country = 'ES'
    and series.region_level in ('country', 'nuts2')
