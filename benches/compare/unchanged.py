"""A run without news over many pipelines: unchanged.py TEJIDO FOLDER [PIPELINES [ROUNDS]].

The project's settings, codelists, models and as many pipelines as are asked for, each a table of its own of the shape of
isoc_r_eb_ain2, on a source on loopback that answers conditional questions with 304. What is timed is the whole program.
"""
import asyncio
import os
import shutil
import statistics
import subprocess
import sys
import threading
import time

tejido, work = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
pipelines = int(sys.argv[3]) if len(sys.argv) > 3 else 200
rounds = int(sys.argv[4]) if len(sys.argv) > 4 else 11
here = os.path.dirname(os.path.abspath(__file__))
repository = os.path.dirname(os.path.dirname(here))
MODEL = "eurostat__isoc_r_eb_ain2"


def table(name):
    """A part of the sample's table that no other has, under another name."""
    with open(f"{repository}/pipelines/samples/{MODEL}/isoc_r_eb_ain2.csv") as file:
        lines = file.read().splitlines()
    rows = [line.replace("ISOC_R_EB_AIN2", name.upper()) for line in lines[1 + int(name[1:])::pipelines]]
    return "\n".join([lines[0], *rows, ""]).encode()


def project(folder, address):
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("config", "sql", "pipelines/codelists"):
        shutil.copytree(f"{repository}/{part}", f"{folder}/{part}")
    if os.path.exists(f"{folder}/config/local.toml"):
        os.remove(f"{folder}/config/local.toml")
    with open(f"{repository}/pipelines/{MODEL}.toml") as file:
        text = file.read()
    # No question before the question: each table is asked for conditionally.
    start, end = text.index("# As long as these say the same"), text.index("[[editions]]")
    text = text[:start] + text[end:]
    for number in range(pipelines):
        name = f"t{number:03}"
        own = text.replace("isoc_r_eb_ain2", name).replace("min_rows = 5000", "min_rows = 1")
        own = own.replace("preference = 12", f"preference = {number}").replace("https://ec.europa.eu", "http://source.invalid")
        with open(f"{folder}/pipelines/bench__{name}.toml", "w") as file:
            file.write(own)


async def answer(reader, writer):
    """HTTP as far as it is needed: one answer after the other on a connection."""
    try:
        while line := await reader.readline():
            path, known = line.split()[1].decode(), False
            while (header := await reader.readline()) not in (b"\r\n", b""):
                known = known or header.lower().startswith(b"if-none-match:")
            name = path.split("/data/")[-1].split("?")[0]
            if known:
                writer.write(f'HTTP/1.1 304 Not Modified\r\nETag: "{name}"\r\n\r\n'.encode())
            else:
                body = table(name)
                head = f'HTTP/1.1 200 OK\r\nETag: "{name}"\r\nContent-Type: text/csv\r\nContent-Length: {len(body)}\r\n\r\n'
                writer.write(head.encode() + body)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


def serve(ready):
    async def forever():
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        ready.append(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(forever())


ready = []
threading.Thread(target=serve, args=(ready,), daemon=True).start()
while not ready:
    time.sleep(0.01)
address = f"http://127.0.0.1:{ready[0]}"
folder = f"{work}/unchanged"
project(folder, address)
# Nobody is disturbed by questions to oneself.
variables = {"TEJIDO__FETCH__MIRROR": address, "TEJIDO__PROFILE": "live", "TEJIDO__LISTEN__ADDRESS": "127.0.0.1:0",
             "TEJIDO__FETCH__REQUESTS_PER_SECOND": "0", "TEJIDO__FETCH__REQUESTS_PER_HOST": "16"}


def run():
    """Seconds, seconds of CPU, and what was said."""
    start = time.monotonic()
    child = subprocess.Popen([tejido, "run"], cwd=folder, env={**os.environ, **variables}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    told = child.stdout.read().decode()
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        raise SystemExit(f"failed:\n{told[-3000:]}")
    return time.monotonic() - start, usage.ru_utime + usage.ru_stime, told


first, cpu, _ = run()
print(f"{pipelines} pipelines; the first run: {first:.1f} s, CPU {cpu:.1f} s")
seen = []
for _ in range(rounds):
    seen.append(run())
    if f"{pipelines} tables not modified" not in seen[-1][2]:
        raise SystemExit(f"something was news:\n{seen[-1][2]}")
walls, cpus = sorted(one[0] for one in seen), sorted(one[1] for one in seen)
print(f"without news, {rounds} times: median {statistics.median(walls):.3f} s ({walls[0]:.3f} to {walls[-1]:.3f}), CPU {statistics.median(cpus):.3f} s")
