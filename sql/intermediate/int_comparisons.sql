-- Each value of a country, of a NUTS 2 region and of the European Union beside what it can be compared with: its own a year
-- before, its country's, the European Union's, and the best region's. Only the same publisher, indicator, unit, size class,
-- sector and year are compared.
-- grain: publisher, indicator, unit, size_class, sector_scheme, sector, region, time_year
-- column publisher: who published it
-- column indicator: what is measured
-- column unit: unit, with the percentage's universe
-- column size_class: persons employed
-- column sector_scheme: classification of the sector
-- column sector: canonical code of the activity
-- column region: NUTS 2024 or country code, or EU27_2020
-- column region_level: country, aggregate or nuts2
-- column country: code of its country; null for the European Union
-- column time_year: year of reference
-- column share: the percentage; null where the source says that there is none
-- column flags: observation flags, sorted letters
-- column is_break: whether the series begins anew in this year
-- column segment: only values of one segment of a series can be compared over time
-- column source: the pipeline that delivered it
-- column dataset: its table
-- column vintage: UTC time of the snapshot in which this value first stood
-- column snapshot: BLAKE3 of the bytes that it was read from
-- column cell: byte offset of the value in the decompressed snapshot
-- column provenance: official or synthetic
-- column previous_share: the value of the year before; null where there is none, or the series broke since
-- column previous_snapshot: BLAKE3 of the bytes that it was read from
-- column previous_cell: byte offset of the value there
-- column previous_provenance: official or synthetic
-- column country_share: the value of its country; null for countries and the European Union
-- column country_snapshot: BLAKE3 of the bytes that it was read from
-- column country_cell: byte offset of the value there
-- column country_provenance: official or synthetic
-- column eu_share: the value of the European Union; null for itself
-- column eu_snapshot: BLAKE3 of the bytes that it was read from
-- column eu_cell: byte offset of the value there
-- column eu_provenance: official or synthetic
-- column country_best_share: the value of the best region of its country; null where there is none that is reliable, or
--   the region itself has no value
-- column country_best_region: which one it is
-- column country_best_snapshot: BLAKE3 of the bytes that it was read from
-- column country_best_cell: byte offset of the value there
-- column country_best_provenance: official or synthetic
-- column eu_best_share: the value of the best region of the European Union; null outside it,
--   and where none is reliable or all are of one country
-- column eu_best_region: which one it is
-- column eu_best_snapshot: BLAKE3 of the bytes that it was read from
-- column eu_best_cell: byte offset of the value there
-- column eu_best_provenance: official or synthetic
-- column rank_in_country: place among the regions of its country; 1 has the highest value
-- column regions_in_country: how many were compared
-- column rank_in_eu: place among the regions of the European Union; null where all are of one country
-- column regions_in_eu: how many were compared
-- audit: previous_share is null or not is_break
-- audit: eu_best_share is null or rank_in_eu is null or rank_in_eu > 1 or share >= eu_best_share
-- audit: country_best_share is null or rank_in_country is null or rank_in_country > 1 or share >= country_best_share
with own as (
    select *
    from intermediate.int_series
    where region_level in ('country', 'nuts2') or region = 'EU27_2020'
)

select
    own.publisher,
    own.indicator,
    own.unit,
    own.size_class,
    own.sector_scheme,
    own.sector,
    own.region,
    own.region_level,
    own.country,
    own.time_year,
    own.share,
    own.flags,
    own.is_break,
    own.segment,
    own.source,
    own.dataset,
    own.vintage,
    own."snapshot",
    own.cell,
    own.provenance,
    previous.share as previous_share,
    previous."snapshot" as previous_snapshot,
    previous.cell as previous_cell,
    previous.provenance as previous_provenance,
    country.share as country_share,
    country."snapshot" as country_snapshot,
    country.cell as country_cell,
    country.provenance as country_provenance,
    eu.share as eu_share,
    eu."snapshot" as eu_snapshot,
    eu.cell as eu_cell,
    eu.provenance as eu_provenance,
    country_best.share as country_best_share,
    country_best.region as country_best_region,
    country_best."snapshot" as country_best_snapshot,
    country_best.cell as country_best_cell,
    country_best.provenance as country_best_provenance,
    eu_best.share as eu_best_share,
    eu_best.region as eu_best_region,
    eu_best."snapshot" as eu_best_snapshot,
    eu_best.cell as eu_best_cell,
    eu_best.provenance as eu_best_provenance,
    ranks.rank_in_country,
    ranks.regions_in_country,
    ranks.rank_in_eu,
    ranks.regions_in_eu
from own
left join intermediate.int_series as previous
    on own.publisher = previous.publisher
    and own.indicator = previous.indicator
    and own.unit = previous.unit
    and own.size_class = previous.size_class
    and own.sector_scheme = previous.sector_scheme
    and own.sector = previous.sector
    and own.region = previous.region
    and own.segment = previous.segment
    and own.time_year = previous.time_year + 1
    and previous.share is not null
left join intermediate.int_series as country
    on own.publisher = country.publisher
    and own.indicator = country.indicator
    and own.unit = country.unit
    and own.size_class = country.size_class
    and own.sector_scheme = country.sector_scheme
    and own.sector = country.sector
    and own.time_year = country.time_year
    and own.country = country.region
    and country.region_level = 'country'
    and country.share is not null
    and own.region_level = 'nuts2'
left join intermediate.int_series as eu
    on own.publisher = eu.publisher
    and own.indicator = eu.indicator
    and own.unit = eu.unit
    and own.size_class = eu.size_class
    and own.sector_scheme = eu.sector_scheme
    and own.sector = eu.sector
    and own.time_year = eu.time_year
    and eu.region = 'EU27_2020'
    and eu.share is not null
    and own.region <> 'EU27_2020'
left join intermediate.int_ranks as ranks
    on own.publisher = ranks.publisher
    and own.indicator = ranks.indicator
    and own.unit = ranks.unit
    and own.size_class = ranks.size_class
    and own.sector_scheme = ranks.sector_scheme
    and own.sector = ranks.sector
    and own.region = ranks.region
    and own.time_year = ranks.time_year
left join intermediate.int_frontiers as country_best
    on own.publisher = country_best.publisher
    and own.indicator = country_best.indicator
    and own.unit = country_best.unit
    and own.size_class = country_best.size_class
    and own.sector_scheme = country_best.sector_scheme
    and own.sector = country_best.sector
    and own.time_year = country_best.time_year
    and own.country = country_best.area
    and own.region_level = 'nuts2'
    and own.share is not null
left join intermediate.int_frontiers as eu_best
    on own.publisher = eu_best.publisher
    and own.indicator = eu_best.indicator
    and own.unit = eu_best.unit
    and own.size_class = eu_best.size_class
    and own.sector_scheme = eu_best.sector_scheme
    and own.sector = eu_best.sector
    and own.time_year = eu_best.time_year
    and eu_best.area = 'EU27_2020'
    and ranks.rank_in_eu is not null
