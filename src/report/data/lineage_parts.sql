-- The first cell of each part of the lineage of a snapshot, with blanks between them, and how many cells it has.
-- key: snapshot
with told as (
    select "snapshot", cell, vintage
    from lake.observations
    union
    select "snapshot", cell, vintage
    from lake.observation_history
    where cell is not null
),

numbered as (
    select "snapshot", cell, row_number() over (partition by "snapshot" order by cell, vintage) - 1 as place
    from told
)

select
    substring("snapshot", 1, 16) as "snapshot",
    string_agg(cast(cell as varchar), ' ' order by place) filter (where place % 2048 = 0) as firsts,
    cast(count(*) as bigint) as cells
from numbered
group by "snapshot"
order by 1
