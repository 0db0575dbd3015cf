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
