-- Members of a cluster by region, activity, municipality and size class, beside the enterprises there.
-- of: cluster_coverage
-- part: cluster
-- key: region, dimension, code
select
    cluster,
    region,
    dimension,
    code,
    name_es,
    name_en,
    members,
    enterprises,
    coverage_percent,
    enterprises_indicator,
    enterprises_dataset,
    enterprises_year,
    enterprises_cells,
    substring("snapshot", 1, 16) as "snapshot",
    provenance
from main.cluster_coverage
order by cluster, region, dimension, members desc, code
