-- The sectors that a total can be taken apart into, finer and coarser.
-- grain: total, sector_partition, sector
-- column total: code of the total
-- column sector_partition: name of the partition
-- column place: the lower number is the finer one
-- column sector: one of its sectors
select
    total,
    "partition" as sector_partition,
    cast(place as integer) as place,
    sector
from lake.codelist_sector_partition_parts
