"""One decoding by another program: peers.py NAME SOURCE TARGET. Each writes ZSTD Parquet of the long table."""
import sys

name, source, target = sys.argv[1:4]
KEY = "freq,size_emp,nace_r2,indic_is,unit,geo\\TIME_PERIOD"

if name == "duckdb-tsv":
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"""
        copy (
            with wide as (select * from read_csv('{source}', delim = '\t', header = true, all_varchar = true, nullstr = '\b')),
            long as (unpivot wide on columns(* exclude ("{KEY}")) into name period value raw),
            parts as (select string_split("{KEY}", ',') as key, trim(period) as time_period, string_split(trim(raw), ' ') as cell from long)
            select key[1] as freq, key[2] as size_emp, key[3] as nace_r2, key[4] as indic_is, key[5] as unit, key[6] as geo,
                time_period, try_cast(cell[1] as double) as obs_value, nullif(cell[2], '') as obs_flag
            from parts
        ) to '{target}' (format parquet, compression zstd)""")
elif name == "duckdb-csv":
    import duckdb

    duckdb.connect().execute(f"copy (select * exclude (dataflow, \"LAST UPDATE\") from read_csv('{source}', header = true)) to '{target}' (format parquet, compression zstd)")
elif name == "polars-tsv":
    import polars as pl

    names = KEY.split("\\")[0].split(",")
    wide = pl.read_csv(source, separator="\t", infer_schema=False)
    key = wide.columns[0]
    long = wide.unpivot(index=key, variable_name="time_period", value_name="raw")
    parts = pl.col(key).str.split_exact(",", 5).struct.rename_fields(names)
    cell = pl.col("raw").str.strip_chars().str.split_exact(" ", 1)
    long = long.select(
        parts.alias("key"),
        pl.col("time_period").str.strip_chars(),
        cell.struct.field("field_0").cast(pl.Float64, strict=False).alias("obs_value"),
        cell.struct.field("field_1").alias("obs_flag"),
    ).unnest("key")
    long.write_parquet(target, compression="zstd")
elif name == "pyjstat":
    from pyjstat import pyjstat

    pyjstat.Dataset.read(open(source).read()).write("dataframe").to_parquet(target, compression="zstd")
elif name == "sdmx1":
    import sdmx

    message = sdmx.read_sdmx(source)
    sdmx.to_pandas(message.data[0]).reset_index().to_parquet(target, compression="zstd")
elif name == "pandas-tsv":
    import pandas as pd

    wide = pd.read_csv(source, sep="\t", dtype=str, na_filter=False)
    key = wide.columns[0]
    names = KEY.split("\\")[0].split(",")
    wide[names] = wide.pop(key).str.split(",", expand=True)
    long = wide.melt(id_vars=names, var_name="time_period", value_name="raw")
    cell = long.pop("raw").str.strip().str.split(" ", n=1, expand=True)
    long["time_period"] = long["time_period"].str.strip()
    long["obs_value"] = pd.to_numeric(cell[0], errors="coerce")
    long["obs_flag"] = cell[1]
    long.to_parquet(target, compression="zstd")
elif name == "eurostat":
    import gzip
    import types

    import eurostat.eurostat as client
    import pandas as pd

    # The client downloads by itself: it is given the file as the reply, compressed and with the line ends it expects.
    reply = gzip.compress(open(source, "rb").read().replace(b"\n", b"\r\n"), 1)
    names = KEY.split("\\")[0].split(",")
    setattr(client, "__get_dims_info__", lambda code, detail: (None, "EUROSTAT", dict(enumerate(names))))
    setattr(client, "__get_resp__", lambda url, provider=None: types.SimpleNamespace(content=reply))
    wide = client.get_data_df("cube", flags=True).rename(columns={KEY.split(",")[-1]: "geo"})
    values = wide.melt(id_vars=names, value_vars=[c for c in wide if c.endswith("_value")], value_name="obs_value")
    flags = wide.melt(id_vars=names, value_vars=[c for c in wide if c.endswith("_flag")], value_name="obs_flag")
    values["time_period"] = values.pop("variable").str.removesuffix("_value")
    values["obs_flag"] = flags["obs_flag"]
    values["obs_value"] = pd.to_numeric(values["obs_value"], errors="coerce")
    values.to_parquet(target, compression="zstd")
elif name == "duckdb-json":
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"""
        create table document as
        select id, size, dimension, value, status from read_json('{source}', maximum_object_size = 2000000000, columns = {{
            id: 'varchar[]', size: 'bigint[]', dimension: 'json', value: 'map(bigint, double)', status: 'map(bigint, varchar)'}})""")
    names, sizes, dimension = connection.execute("select id, size, dimension from document").fetchone()
    import json

    places = json.loads(dimension)
    strides, stride = {}, 1
    for at in range(len(names) - 1, -1, -1):
        strides[names[at]], stride = stride, stride * sizes[at]
    lists = {n: sorted(places[n]["category"]["index"], key=places[n]["category"]["index"].get) for n in names}
    columns = ", ".join(f"{lists[n]!r}[place // {strides[n]} % {sizes[at]} + 1] as \"{n}\"" for at, n in enumerate(names))
    connection.execute(f"""
        copy (
            with cells as (select unnest(map_keys(value)) as place, unnest(map_values(value)) as obs_value from document),
            marks as (select unnest(map_keys(status)) as place, unnest(map_values(status)) as mark from document)
            select {columns}, obs_value, split_part(mark, '|', 1) as obs_flag, split_part(mark, '|', 2) as conf_status
            from cells full join marks using (place)
        ) to '{target}' (format parquet, compression zstd)""")
