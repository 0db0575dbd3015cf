"""Whether two builds have the same tables: python compare.py --grains FILE DUCKDB SPARK [TABLE…]

Each is a folder with Parquet files (those of a build's `marts/`, or below the `output` of a plan for Spark), or a DuckDB file.
Rows are matched by the grain, which --grains FILE gives (the manifest of a build, or a plan). Texts, whole numbers, decimals, dates
and times must be equal, doubles to a share of 1e-12. Says for each table how many rows and cells differ, and shows some; exit
code 1 where any do. Needs Python's duckdb.
"""

import argparse
import json
import sys
from pathlib import Path

import duckdb

TOLERANCE = 1e-12
SHOWN = 3


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


def literal(text):
    return "'" + str(text).replace("'", "''") + "'"


def grains(path):
    """Of each table the columns that identify a row."""
    text = json.loads(Path(path).read_text(encoding="utf-8"))
    return {model["name"]: model["grain"] for model in text["models"]}


def tables(connection, place, alias):
    """What there is, as SQL."""
    path = Path(place)
    if path.is_file():
        connection.execute(f"attach {literal(path)} as {quoted(alias)} (read_only)")
        found = connection.execute(
            f"select schema_name, table_name from duckdb_tables() where database_name = {literal(alias)} and schema_name in ('main', 'intermediate')"
        ).fetchall()
        return {table: f"{quoted(alias)}.{quoted(schema)}.{quoted(table)}" for schema, table in found}
    found = {}
    for file in sorted(path.rglob("*.parquet")):
        if "audits" in file.parts:
            continue
        # A large table has several files, numbered.
        stem = file.stem.rsplit("-", 1)[0]
        found.setdefault(stem, []).append(str(file))
    return {table: f"read_parquet([{', '.join(literal(file) for file in files)}])" for table, files in found.items()}


def columns(connection, table):
    return {name: kind for name, kind, *_ in connection.execute(f"describe select * from {table}").fetchall()}


def compare(connection, name, grain, one, other):
    """What is wrong, in words; nothing where both are equal."""
    wrong = []
    own, theirs = columns(connection, one), columns(connection, other)
    if list(own) != list(theirs):
        return [f"columns {list(own)} and {list(theirs)}"]
    for column, kind in own.items():
        if kind != theirs[column]:
            wrong.append(f"`{column}` is {kind} and {theirs[column]}")
    counts = [connection.execute(f"select count(*), count(distinct ({', '.join(quoted(c) for c in grain)})) from {table}").fetchone() for table in (one, other)]
    for (rows, keys), which in zip(counts, ("the first", "the second"), strict=True):
        if rows != keys:
            wrong.append(f"{rows - keys} rows of {which} repeat a key")
    on = " and ".join(f"a.{quoted(column)} is not distinct from b.{quoted(column)}" for column in grain)
    key = quoted(grain[0])
    for left, right, which in ((one, other, "first"), (other, one, "second")):
        only = f"select * from {left} as a where not exists (select 1 from {right} as b where {on})"
        number = connection.execute(f"select count(*) from ({only})").fetchone()[0]
        if number:
            wrong.append(f"{number} rows are only in the {which}, such as {connection.execute(only + f' order by {key} limit 1').fetchone()}")
    others = [column for column in own if column not in grain]

    def differs(column):
        a, b = f"a.{quoted(column)}", f"b.{quoted(column)}"
        if own[column] in ("DOUBLE", "FLOAT"):
            return (
                f"({a} is null) <> ({b} is null) or {a} <> {b} and not (abs({a} - {b}) <= {TOLERANCE} * greatest(abs({a}), abs({b})))"
            )
        return f"{a} is distinct from {b}"

    if others:
        counted = ", ".join(f"count(*) filter (where {differs(column)})" for column in others)
        found = connection.execute(f"select {counted} from {one} as a inner join {other} as b on {on}").fetchone()
        for column, number in zip(others, found, strict=True):
            if number:
                keys = ", ".join(f"a.{quoted(part)}" for part in grain)
                shown = connection.execute(
                    f"select {keys}, a.{quoted(column)}, b.{quoted(column)} from {one} as a inner join {other} as b on {on} "
                    f"where {differs(column)} order by {keys} limit {SHOWN}"
                ).fetchall()
                wrong.append(f"`{column}` differs in {number} rows, such as {'; '.join(map(str, shown))}")
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("duckdb")
    parser.add_argument("spark")
    parser.add_argument("tables", nargs="*")
    parser.add_argument("--grains", required=True, help="a build's manifest.json, or a plan")
    arguments = parser.parse_args()
    connection = duckdb.connect()
    known = grains(arguments.grains)
    one, other = tables(connection, arguments.duckdb, "one"), tables(connection, arguments.spark, "other")
    wanted = arguments.tables or sorted(set(one) & set(known) | set(other) & set(known))
    unequal = 0
    for name in wanted:
        missing = [place for place, there in ((arguments.duckdb, one), (arguments.spark, other)) if name not in there]
        wrong = [f"not in `{place}`" for place in missing] or compare(connection, name, known[name], one[name], other[name])
        rows = "" if missing else connection.execute(f"select count(*) from {one[name]}").fetchone()[0]
        print(f"{'differs' if wrong else 'equal  '} {name} {rows}")
        for line in wrong:
            print(f"    {line}")
        unequal += bool(wrong)
    print(f"{len(wanted) - unequal} of {len(wanted)} tables are equal")
    return 1 if unequal else 0


if __name__ == "__main__":
    sys.exit(main())
