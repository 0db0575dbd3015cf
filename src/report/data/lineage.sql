-- What each cell of a snapshot says, of all that is in force and of what a revision replaced: the panel beside every figure. In
-- parts of 2,048 cells, since nobody asks for all of them; lineage_parts.sql has the first cell of each.
-- part: snapshot, bucket
-- key: cell
with told as (
    select
        "snapshot", cell, indicator, region, sector, sector_scheme, size_class, unit, time_period, "value", flags, vintage,
        provenance
    from lake.observations
    union
    select
        "snapshot", cell, indicator, region, sector, sector_scheme, size_class, unit, time_period, "value", flags, vintage,
        provenance
    from lake.observation_history
    where cell is not null
)

select
    substring("snapshot", 1, 16) as "snapshot",
    cast(floor((row_number() over (partition by "snapshot" order by cell, vintage) - 1) / 2048) as bigint) as bucket,
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
from told
order by "snapshot", cell, vintage
