-- What each column of each published table means.
-- key: table_name, position
select
    table_name,
    table_description,
    "position",
    column_name,
    data_type,
    is_key,
    description
from main.data_dictionary
where schema_name = 'main'
order by table_name, "position"
