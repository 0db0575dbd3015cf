-- The activities behind a cluster's needs: members, the region's level and the country's.
-- of: cluster_need_sectors
-- part: cluster
-- key: force, region, sector
select
    needs.cluster,
    needs.force,
    needs.region,
    needs.sector,
    needs.members,
    needs.indicator,
    needs.unit,
    needs.time_period,
    needs.share,
    needs.country_share,
    needs.lag_points,
    needs.flags,
    own.provenance,
    country.provenance as country_provenance,
    country.flags as country_flags,
    needs.provenance as row_provenance,
    substring(needs."snapshot", 1, 16) as "snapshot",
    needs.cell,
    substring(needs.country_snapshot, 1, 16) as country_snapshot,
    needs.country_cell
from main.cluster_need_sectors as needs
left join lake.observations as own on needs."snapshot" = own."snapshot" and needs.cell = own.cell
left join lake.observations as country
    on needs.country_snapshot = country."snapshot" and needs.country_cell = country.cell
order by needs.cluster, needs.force, needs.members desc, needs.region, needs.sector
