-- Names of the activities that the published figures use, and which of them are all activities of a survey together.
-- key: sector, scheme
select
    code as sector,
    scheme,
    "level",
    label_es as name_es,
    label_en as name_en,
    code in (select total from lake.codelist_sector_partition_parts) as is_total
from lake.codelist_sectors
where code in (select sector from main.ict_adoption)
    or code in (select sector from main.cluster_members_by_sector)
order by scheme, code
