-- What each column of each published table means.
-- key: table_name, position
-- The columns of other languages are those of the models' headers; older builds have none.
select * exclude (schema_name)
from main.data_dictionary
where schema_name = 'main'
order by table_name, "position"
