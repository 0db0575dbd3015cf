-- What each cell of a snapshot says: the panel beside every figure. In parts of 32 KiB of the snapshot (of 256 rows, in a
-- workbook), since nobody asks for all of them; lineage.js computes the same part from the cell.
-- part: snapshot, bucket
-- key: cell
select
    substring("snapshot", 1, 16) as "snapshot",
    cast(case when cell < 281474976710656 then floor(cell / 32768) else floor(cell / 16777216) end as bigint) as bucket,
    cell,
    indicator,
    region,
    sector,
    sector_scheme,
    size_class,
    unit,
    time_period,
    "value",
    flags,
    vintage,
    provenance
from lake.observations
order by "snapshot", cell
