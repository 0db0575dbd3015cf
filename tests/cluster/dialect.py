"""Whether both engines answer alike to each pair of dialect.tsv: python dialect.py DUCKDB_PYTHON

Runs under a Python with pyspark; DUCKDB_PYTHON is one with duckdb (the same, if it has both). Exit code 1 where answers differ.
"""

import datetime
import decimal
import json
import subprocess
import sys
from pathlib import Path

ASK = """
import datetime, decimal, json, sys, duckdb
def plain(value):
    if isinstance(value, (datetime.date, datetime.datetime)): return value.isoformat()
    if isinstance(value, decimal.Decimal): return ["decimal", str(value)]
    return value
connection = duckdb.connect()
answers = []
for sql in json.load(sys.stdin):
    try: answers.append([[plain(value) for value in row] for row in connection.execute(sql).fetchall()])
    except Exception as error: answers.append("error: " + str(error).splitlines()[0])
json.dump(answers, sys.stdout)
"""


def plain(value):
    if isinstance(value, (datetime.date, datetime.datetime)):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        return ["decimal", format(value, "f")]
    return value


def number(value):
    return decimal.Decimal(value[1]) if isinstance(value, list) and value and value[0] == "decimal" else value


def alike(one, other):
    one, other = number(one), number(other)
    # A whole number and a decimal without digits behind the point are cast to the column's type by the driver.
    if isinstance(one, (int, float, decimal.Decimal)) and isinstance(other, (int, float, decimal.Decimal)) and not isinstance(one, bool):
        if isinstance(one, float) or isinstance(other, float):
            return abs(float(one) - float(other)) <= 1e-12 * max(abs(float(one)), abs(float(other)))
        return one == other
    return one == other


def main():
    from pyspark.sql import SparkSession

    lines = Path(__file__).with_name("dialect.tsv").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("\t") for line in lines if not line.startswith("#")]
    pairs = [pair for pair in pairs if not pair[1].startswith("!")]
    asked = subprocess.run(
        [sys.argv[1], "-c", ASK], input=json.dumps([duckdb for duckdb, _ in pairs]), capture_output=True, text=True, check=True
    )
    settings = {
        "spark.sql.ansi.enabled": "true",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.decimalOperations.allowPrecisionLoss": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.ui.enabled": "false",
    }
    builder = SparkSession.builder.master("local[1]").appName("dialect")
    for key, value in settings.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    differing = 0
    for (duckdb, sql), expected in zip(pairs, json.loads(asked.stdout), strict=True):
        try:
            found = [[plain(value) for value in row] for row in spark.sql(sql).collect()]
        except Exception as error:
            found = "error: " + str(error).splitlines()[0]
        ordered = " order by " in sql.lower().rsplit(")", 1)[-1]
        if not ordered and isinstance(found, list) and isinstance(expected, list):
            found, expected = sorted(found, key=repr), sorted(expected, key=repr)
        same = (
            isinstance(found, list)
            and isinstance(expected, list)
            and len(found) == len(expected)
            and all(len(a) == len(b) and all(map(alike, a, b)) for a, b in zip(found, expected))
        )
        if not same:
            differing += 1
            print(f"differs: {duckdb}\n    DuckDB {expected}\n    Spark  {found}")
    spark.stop()
    print(f"{len(pairs) - differing} of {len(pairs)} answers are alike")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
