"""Runs each decoding in turn, so that all see the same machine: race.py TEJIDO FOLDER ROUNDS."""
import os
import resource
import statistics
import subprocess
import sys
import time

import duckdb

tejido, work, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
here = os.path.dirname(os.path.abspath(__file__))
races = [
    ("TSV", "all/cube.tsv", ["duckdb-tsv", "polars-tsv", "pandas-tsv"]),
    ("SDMX-CSV", "all/cube.csv", ["duckdb-csv"]),
    ("JSON-stat", "all/cube.json", ["duckdb-json"]),
    ("SDMX-ML", "all/cube.xml", []),
    ("TSV, 1 M cells", "middle/cube.tsv", ["eurostat"]),
    ("JSON-stat, 1 M cells", "middle/cube.json", ["pyjstat"]),
    ("SDMX-ML, 0.3 M cells", "small/cube.xml", ["sdmx1"]),
]


def run(command):
    """Seconds, seconds of CPU, and peak memory in MB."""
    start = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        raise SystemExit(f"failed: {' '.join(command)}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000


def facts(path):
    """Count of values and their sum, whatever the column is called."""
    columns = [row[0] for row in duckdb.sql(f"describe select * from '{path}'").fetchall()]
    value = next(name for name in columns if name.lower() in ("obs_value", "value"))
    return duckdb.sql(f'select count("{value}") filter (not isnan("{value}")), round(sum("{value}") filter (not isnan("{value}")), 2) from \'{path}\'').fetchall()[0]


print(f"{os.cpu_count()} cores; medians of {rounds} rounds\n")
print("| format | size | program | time | CPU | peak memory | slower than tejido by |\n|---|---|---|---|---|---|---|")
for label, file, peers in races:
    source = f"{work}/{file}"
    programs = {"tejido": [tejido, "decode", source, "-o", f"{work}/tejido.parquet"]}
    for peer in peers:
        programs[peer] = [sys.executable, f"{here}/peers.py", peer, source, f"{work}/{peer}.parquet"]
    seen = {name: [] for name in programs}
    for _ in range(rounds):
        for name, command in programs.items():
            seen[name].append(run(command))
    expected = facts(f"{work}/tejido.parquet")
    for peer in peers:
        if facts(f"{work}/{peer}.parquet") != expected:
            raise SystemExit(f"{peer} and tejido disagree on {file}: {facts(f'{work}/{peer}.parquet')} and {expected}")
    size = f"{os.path.getsize(source) / 1e6:.0f} MB"
    ours = statistics.median(run[0] for run in seen["tejido"])
    for name, runs in seen.items():
        wall, cpu, memory = (statistics.median(values) for values in zip(*runs))
        ratio = "" if name == "tejido" else f"{wall / ours:.1f}"
        print(f"| {label} | {size} | {name} | {wall:.2f} s | {cpu:.2f} s | {memory:.0f} MB | {ratio} |", flush=True)
