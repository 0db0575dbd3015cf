"""A run in which one of twenty tables has changed, beside the first one: partial.py TEJIDO FOLDER [ROUNDS].

The cube of generate.py in FOLDER/all is cut into twenty tables of one pipeline. The source says 304 to all of them but one, in
which each time another value has changed. What is timed is the whole program. It may ask as often as it likes: to be asked four
times a second, as a real source is, would take twenty tables five seconds.
"""
import http.server
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time

from cube import VARIABLES, project

TABLES = 20
tejido, work = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 5
cube, folder = f"{work}/all/cube.csv", f"{work}/partial"


def tables():
    with open(cube, "rb") as file:
        header, rows = file.readline(), file.read()
    size, begin = len(rows) // TABLES + 1, 0
    for number in range(TABLES):
        end = rows.find(b"\n", min(begin + size, len(rows) - 1)) + 1
        yield header + rows[begin:end].replace(b":CUBE(", f":CUBE{number}(".encode())
        begin = end


bodies, versions = list(tables()), [0] * TABLES


def change(number, version):
    """Another value in the first row of a table."""
    head, row, rest = bodies[number].split(b"\n", 2)
    fields = row.split(b",")
    fields[9] = str(version).encode()
    bodies[number] = b"\n".join([head, b",".join(fields), rest])
    versions[number] = version


class Server(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        number = int(self.path.split("cube")[-1])
        tag = f'"{number}-{versions[number]}"'
        is_known = self.headers.get("If-None-Match") == tag
        self.send_response(304 if is_known else 200)
        self.send_header("ETag", tag)
        if not is_known:
            self.send_header("Content-Type", "text/csv")
            self.send_header("Content-Length", str(len(bodies[number])))
        self.end_headers()
        if not is_known:
            self.wfile.write(bodies[number])

    def log_message(self, *_):
        pass


def run():
    start = time.monotonic()
    told = subprocess.run([tejido, "run"], cwd=folder, env=variables, capture_output=True, text=True)
    if told.returncode != 0:
        raise SystemExit(f"failed:\n{told.stdout[-1500:]}\n{told.stderr[-3000:]}")
    return time.monotonic() - start


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
variables = {**os.environ, **VARIABLES, "TEJIDO__FETCH__REQUESTS_PER_SECOND": "0",
             "TEJIDO__FETCH__MIRROR": f"http://127.0.0.1:{server.server_address[1]}"}
whole, partial = [], []
for turn in range(rounds):
    shutil.rmtree(folder, ignore_errors=True)
    project(folder, cube, [f"cube{number}" for number in range(TABLES)])
    whole.append(run())
    change(turn % TABLES, 1 + turn)
    partial.append(run())
    print(f"  all {whole[-1]:.1f} s, one changed {partial[-1]:.1f} s", flush=True)
shares = [one / all_ for one, all_ in zip(partial, whole)]
print(f"{os.cpu_count()} cores; medians of {rounds} rounds: all {statistics.median(whole):.1f} s, one of {TABLES} changed "
      f"{statistics.median(partial):.1f} s, a share of {statistics.median(shares):.2f}")
shutil.rmtree(folder)
