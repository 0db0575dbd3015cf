-- Names of countries and of NUTS 1 and 2 regions, and which country each belongs to.
-- key: region
select
    regions.code as region,
    regions.level,
    regions.country,
    regions.label_es as name_es,
    regions.label_en as name_en,
    members.country_group
from lake.codelist_regions as regions
left join lake.codelist_country_groups as members
    on regions.code = members.code and members.country_group = 'EU27_2020'
where regions.level in ('country', 'aggregate', 'nuts1', 'nuts2') and coalesce(cast(regions.valid_to as varchar), '') = ''
order by regions.code
