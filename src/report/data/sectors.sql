-- Names of the activities that the published figures use.
-- key: sector, scheme
select
    code as sector,
    scheme,
    "level",
    label_es as name_es,
    label_en as name_en
from lake.codelist_sectors
where code in (select sector from main.ict_adoption)
    or code in (select sector from main.cluster_members_by_sector)
order by scheme, code
