-- Groups of countries, with their members.
-- grain: country
-- column country: code of the country
-- column country_group: code of the group
select
    code as country,
    country_group
from lake.codelist_country_groups
