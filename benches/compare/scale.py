"""The models on DuckDB and on Spark, by the number of observations: scale.py TEJIDO FOLDER PYTHON [COPIES…] [--verify].

PYTHON is one with PySpark. The cube of generate.py in FOLDER/all is served so many times, each time with other indicators; a
run ingests it, which is not timed here, and then builds with each engine: `tejido run --stage build`. Content hashes must be equal.
With --verify, `tejido verify --engines` compares the marts of the largest lake cell by cell.
"""
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import time

from cube import VARIABLES, project, repository

verifies = "--verify" in sys.argv
given = [argument for argument in sys.argv[1:] if argument != "--verify"]
tejido, work, python = os.path.abspath(given[0]), os.path.abspath(given[1]), os.path.abspath(given[2])
sizes = [int(copies) for copies in given[3:]] or [1, 3, 12]
cube, folder, cluster = f"{work}/all/cube.csv", f"{work}/scale", f"{work}/scale-cluster"
variables = {**os.environ, **VARIABLES, "TEJIDO__WAREHOUSE__MODEL_TIMEOUT_SECS": "3600", "PYSPARK_PYTHON": python,
             "SPARK_LOCAL_IP": "127.0.0.1"}


def named(copy, indicator):
    return indicator.replace("E_", f"E{copy}_", 1) if copy else indicator


class Server(http.server.BaseHTTPRequestHandler):
    """Serves the cube as /cube0, /cube1 …, whose indicators differ."""

    def do_GET(self):
        copy = int(self.path.split("cube")[-1])
        self.send_response(200)
        self.send_header("Content-Type", "text/csv")
        self.end_headers()
        with open(cube, "rb") as file:
            while lines := file.read(1 << 20) + file.readline():
                lines = lines.replace(b":CUBE(", f":CUBE{copy}(".encode())
                self.wfile.write(lines.replace(b",E_", f",E{copy}_".encode()) if copy else lines)

    def log_message(self, *_):
        pass


def resident(of):
    """Memory of the processes whose command has one of these words, in MB; what they share is counted once."""
    total = 0
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{process}/cmdline") as file:
                command = file.read()
            if any(word in command for word in of):
                with open(f"/proc/{process}/smaps_rollup") as file:
                    total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            pass
    return total / 1000


def timed(arguments):
    """Seconds and peak memory in MB of the program and of what it starts, and of the cluster."""
    words, peak, over = [tejido, cluster, "org.apache.spark", "spark/driver", "driver.py"], 0, threading.Event()

    def watch():
        nonlocal peak
        while not over.wait(0.5):
            peak = max(peak, resident(words))

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.monotonic()
    run = subprocess.run([tejido, *arguments], cwd=folder, env=variables, capture_output=True, text=True)
    seconds = time.monotonic() - began
    over.set()
    watcher.join()
    if run.returncode != 0:
        raise SystemExit(f"failed: {' '.join(arguments)}\n{run.stdout[-1500:]}\n{run.stderr[-3000:]}")
    return seconds, peak


def build(engine, workers=0):
    """A build from the lake, none being there: seconds, memory, the marts' hashes and rows."""
    for name in ("builds", "published", "tejido.duckdb"):
        path = f"{folder}/data/{name}"
        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.path.lexists(path) and os.remove(path)
    environment = {**os.environ, "PYTHON": python, "CLUSTER": cluster, "WORKERS": str(workers), "WORKER_MEMORY": "5g", "MASTER_PORT": "7177"}
    if workers:
        up = subprocess.run([f"{repository}/tests/cluster/up"], env=environment, stdout=subprocess.PIPE, text=True, check=True)
        use(engine, up.stdout.strip())
    else:
        use(engine, "")
    try:
        seconds, peak = timed(["run", "--stage", "build"])
    finally:
        if workers:
            subprocess.run([f"{repository}/tests/cluster/down"], env=environment, check=True)
    with open(f"{folder}/data/published/manifest.json") as file:
        marts = [model for model in json.load(file)["models"] if model["is_mart"]]
    return seconds, peak, {mart["name"]: (mart["content_hash"], mart["rows"]) for mart in marts}


def use(engine, master):
    submit = [f"{os.path.dirname(python)}/spark-submit", "--driver-memory", "2g", "--executor-memory", "4g", "--conf", "spark.driver.host=127.0.0.1"]
    with open(f"{folder}/config/local.toml", "w") as file:
        file.write(f'[warehouse]\nengine = "{engine}"\n[warehouse.spark]\nmaster = "{master}"\nsubmit = {json.dumps(submit)}\n')


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
variables["TEJIDO__FETCH__MIRROR"] = f"http://127.0.0.1:{server.server_address[1]}"
print(f"{os.cpu_count()} cores\n\n| observations | engine | time | peak memory |\n|---|---|---|---|", flush=True)
for at, copies in enumerate(sizes):
    shutil.rmtree(folder, ignore_errors=True)
    project(folder, cube, [f"cube{copy}" for copy in range(copies)],
            lambda name, codes: [named(copy, code) for copy in range(copies) for code in codes] if name == "indic_is" else codes)
    seconds, peak = timed(["run", "--stage", "ingest"])
    print(f"| | ingest of {copies} tables | {seconds:.0f} s | {peak:.0f} MB |", flush=True)
    expected = None
    for engine, workers in (("spark", 1), ("spark", 2), ("duckdb", 0)):
        seconds, peak, marts = build(engine, workers)
        rows = sum(count for _, count in marts.values())
        name = "DuckDB" if engine == "duckdb" else f"Spark, {workers} worker{'s' * (workers > 1)}"
        print(f"| marts: {rows} rows | {name} | {seconds:.0f} s | {peak:.0f} MB |", flush=True)
        if expected not in (None, marts):
            raise SystemExit(f"{name} gives other marts: {marts} and {expected}")
        expected = marts
    if verifies and at + 1 == len(sizes):
        use("duckdb", f"local[{os.cpu_count()}]")
        seconds, peak = timed(["verify", "--engines"])
        print(f"| | verify --engines | {seconds:.0f} s | {peak:.0f} MB |", flush=True)
shutil.rmtree(folder)
