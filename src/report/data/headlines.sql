-- What was published, what the data says, and whether it is reproduced.
-- of: headlines
-- key: claim
-- Older builds say only in English where a claim was published.
select
    claim,
    kind,
    published_es,
    published_en,
    columns('^claim_source(_es)?$'),
    headline_es,
    headline_en,
    status,
    claimed_value,
    found_value,
    difference,
    country_value,
    unit,
    flags,
    substring("snapshot", 1, 16) as "snapshot",
    cell,
    substring(country_snapshot, 1, 16) as country_snapshot,
    country_cell,
    counted_cells,
    export_snapshots,
    provenance
from main.headlines
order by claim
