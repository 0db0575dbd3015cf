-- The activities behind a cluster's needs: members, the region's level and the country's.
-- part: cluster
-- key: force, region, sector
select
    cluster,
    force,
    region,
    sector,
    members,
    indicator,
    unit,
    time_period,
    share,
    country_share,
    lag_points,
    flags,
    provenance,
    substring("snapshot", 1, 16) as "snapshot",
    cell,
    substring(country_snapshot, 1, 16) as country_snapshot,
    country_cell
from main.cluster_need_sectors
order by cluster, force, members desc, region, sector
