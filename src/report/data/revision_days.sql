-- Revisions by the day on which they came, the table and the kind of change: all of them, also where revisions.sql has the newest.
-- of: revisions
-- sum: revisions
-- key: day, source, dataset, change
select
    cast(vintage as date) as "day",
    source,
    dataset,
    "change",
    cast(count(*) as integer) as cells,
    max(abs(difference)) as largest,
    case when min(provenance) = 'official' and max(provenance) = 'official' then 'official' else 'synthetic' end as provenance
from main.revisions
group by cast(vintage as date), source, dataset, "change"
order by "day", source, dataset, "change"
