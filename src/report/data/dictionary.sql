-- What each column of each published table means.
-- key: table_name, position
-- The columns of other languages are those of the models' headers; older builds have none. A view of newest
-- rows has the columns of its mart.
select * exclude (schema_name)
from main.data_dictionary
where schema_name = 'main' and not starts_with(table_name, 'latest_')
order by table_name, "position"
