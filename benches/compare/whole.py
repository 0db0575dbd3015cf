"""Runs each chain in turn, so that all see the same machine: whole.py TEJIDO FOLDER ROUNDS."""
import http.server
import os
import shutil
import statistics
import subprocess
import sys
import textwrap
import threading
import time

import duckdb

from cube import MARTS, VARIABLES, project, write

tejido, work, rounds = os.path.abspath(sys.argv[1]), sys.argv[2], int(sys.argv[3])


def dbt_project(folder):
    write(f"{folder}/dbt_project.yml", "name: chain\nversion: '1.0.0'\nconfig-version: 2\nprofile: chain\nflags: {send_anonymous_usage_stats: false}\n")
    write(f"{folder}/profiles.yml", f"chain:\n  target: a\n  outputs:\n    a:\n      type: duckdb\n      path: {folder}/chain.duckdb\n      threads: 2\n")
    write(f"{folder}/models/stg_observations.sql", textwrap.dedent("""\
        {{ config(materialized='view') }}
        select indic_is as indicator, unit, size_emp as size_class, nace_r2 as sector, geo as region,
            cast(time_period as varchar) as time_period, cast(obs_value as double) as observed_value, obs_flag as flags
        from raw.obs
        """))
    tests = "version: 2\nmodels:\n"
    for mart, (sql, grain, _) in MARTS.items():
        head = f"{{{{ config(materialized='table', post_hook=\"copy (select * from {{{{ this }}}} order by {', '.join(grain)}) to '{folder}/{mart}.parquet' (format parquet, compression zstd)\") }}}}\n"
        write(f"{folder}/models/{mart}.sql", head + sql.strip().format(staging="{{ ref('stg_observations') }}"))
        tests += f"  - name: {mart}\n    columns:\n" + "".join(f"      - name: {column}\n        data_tests: [not_null]\n" for column in grain)
        write(f"{folder}/tests/{mart}_unique.sql", f"select {', '.join(grain)} from {{{{ ref('{mart}') }}}} group by {', '.join(grain)} having count(*) > 1")
    write(f"{folder}/models/schema.yml", tests)


# What loads, as programs of their own so that each starts afresh.
ARROW = """
import sys, dlt, requests, pyarrow as pa, pyarrow.csv as pc
url, folder = sys.argv[1:]
text = {name: pa.string() for name in ("TIME_PERIOD", "OBS_FLAG", "CONF_STATUS")}
@dlt.resource(name="obs", write_disposition="replace")
def obs():
    with requests.get(url, stream=True) as response:
        response.raise_for_status()
        with pc.open_csv(response.raw, read_options=pc.ReadOptions(block_size=16 << 20), convert_options=pc.ConvertOptions(column_types=text)) as batches:
            for batch in batches:
                yield pa.Table.from_batches([batch])
pipeline = dlt.pipeline("chain", destination=dlt.destinations.duckdb(f"{folder}/chain.duckdb"), dataset_name="raw", pipelines_dir=f"{folder}/dlt")
pipeline.run(obs()).raise_on_failed_jobs()
"""
ROWS = """
import csv, sys, dlt, requests
url, folder = sys.argv[1:]
@dlt.resource(name="obs", write_disposition="replace")
def obs():
    with requests.get(url, stream=True) as response:
        response.raise_for_status()
        for row in csv.DictReader(response.iter_lines(decode_unicode=True)):
            row["OBS_VALUE"] = float(row["OBS_VALUE"]) if row["OBS_VALUE"] else None
            yield row
pipeline = dlt.pipeline("chain", destination=dlt.destinations.duckdb(f"{folder}/chain.duckdb"), dataset_name="raw", pipelines_dir=f"{folder}/dlt")
pipeline.run(obs()).raise_on_failed_jobs()
"""


class Server(http.server.SimpleHTTPRequestHandler):
    """Serves the cube under every address that ends with its name."""

    def do_GET(self):
        path = f"{work}/{'middle' if '/few/' in self.path else 'all'}/cube.csv"
        with open(path, "rb") as file:
            self.send_response(200)
            self.send_header("Content-Type", "text/csv")
            self.send_header("Content-Length", str(os.path.getsize(path)))
            self.end_headers()
            try:
                self.connection.sendfile(file)
            except BrokenPipeError:
                pass

    def log_message(self, *_):
        pass


def timed(commands):
    """Seconds, seconds of CPU, and peak memory in MB, of commands one after the other."""
    start, cpu, peak, parts = time.monotonic(), 0, 0, []
    for command, folder, variables in commands:
        began = time.monotonic()
        child = subprocess.Popen(command, cwd=folder, env={**os.environ, **variables}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        told = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        if status != 0:
            raise SystemExit(f"failed: {' '.join(command)}\n{told.decode()[-3000:]}")
        cpu, peak = cpu + usage.ru_utime + usage.ru_stime, max(peak, usage.ru_maxrss / 1000)
        parts.append(time.monotonic() - began)
    return time.monotonic() - start, cpu, peak, parts


def facts(folder):
    """Of each mart its rows, and sums that agree if the rows do."""
    ask = lambda sql, mart: duckdb.sql(f"{sql} from '{folder}/{mart}.parquet'").fetchall()[0]
    return (ask("select count(*), sum(regions), sum(valued), round(sum(lowest), 2), round(sum(highest), 2)", "by_country"),
            ask("select count(*), round(sum(share), 2), round(sum(change), 2), round(sum(gap), 2)", "newest"))


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
address = f"http://127.0.0.1:{server.server_address[1]}"


def chains(size, names):
    seen, found = {name: [] for name in names}, {}
    for _ in range(rounds if size == "all" else 1):
        for name in names:
            folder = f"{work}/chain-{name}"
            shutil.rmtree(folder, ignore_errors=True)
            if name == "tejido":
                project(folder, f"{work}/all/cube.csv", ["cube"])
                mirror = f"{address}/{'few' if size == 'middle' else 'all'}"
                variables = {**VARIABLES, "TEJIDO__FETCH__MIRROR": mirror}
                commands = [([tejido, "run"], folder, variables)]
            else:
                dbt_project(folder)
                write(f"{folder}/load.py", ROWS if name == "dlt-rows" else ARROW)
                url = f"{address}/{'few' if size == 'middle' else 'all'}/cube.csv"
                variables = {"RUNTIME__DLTHUB_TELEMETRY": "false", "DO_NOT_TRACK": "1"}
                commands = [([sys.executable, f"{folder}/load.py", url, folder], folder, variables),
                            ([f"{os.path.dirname(sys.executable)}/dbt", "--quiet", "build", "--profiles-dir", folder], folder, variables)]
            # What the one before has written is not to be written while this one is timed.
            os.sync()
            seen[name].append(timed(commands))
            found[name] = facts(f"{folder}/data/published/marts" if name == "tejido" else folder)
            print(f"  {name}: " + ", ".join(f"{part:.1f}" for part in seen[name][-1][3]) + " s", flush=True)
        for name in names:
            if found[name] != found["tejido"]:
                raise SystemExit(f"{name} and tejido disagree: {found[name]} and {found['tejido']}")
    ours = statistics.median(run[0] for run in seen["tejido"])
    print(f"\n{size}: marts of {found['tejido'][0][0]} and {found['tejido'][1][0]} rows\n")
    print("| program | time | CPU | peak memory | slower than tejido by |\n|---|---|---|---|---|")
    for name, runs in seen.items():
        wall, cpu, peak = (statistics.median(run[at] for run in runs) for at in range(3))
        print(f"| {name} | {wall:.1f} s | {cpu:.1f} s | {peak:.0f} MB | {wall / ours:.1f} |")


print(f"{os.cpu_count()} cores; medians of {rounds} rounds\n")
chains("all", ["tejido", "dlt-arrow"])
chains("middle", ["tejido", "dlt-rows"])
