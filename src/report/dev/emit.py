"""Writes a report folder from a published build as the program does, to look at while one works on the pages.

    python src/report/dev/emit.py [data/published] [OUT] [HOME_REGION]

Needs duckdb from PyPI; with the command `zstd` it also writes excerpts of the bytes around each cell.
"""

import datetime
import decimal
import gzip
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import duckdb

HERE = pathlib.Path(__file__).resolve().parent.parent


def header(sql):
    """The parts of a file's leading comment: `-- name: a, b`."""
    found = {}
    for line in sql.splitlines():
        if not line.startswith("--"):
            break
        match = re.match(r"-- (part|key|of|sum): (.+)", line)
        if match:
            found[match[1]] = [name.strip() for name in match[2].split(",")]
    return found


def plain(value):
    """A value as JSON has it: times as ISO 8601 in UTC, numbers with at most six decimals."""
    if isinstance(value, datetime.datetime):
        return value.replace(microsecond=0).isoformat() + "Z"
    if isinstance(value, datetime.date):
        return value.isoformat()
    if isinstance(value, decimal.Decimal):
        value = float(value)
    if isinstance(value, float):
        value = round(value, 6)
        return int(value) if value == int(value) else value
    return value


def file_name(part):
    """A part's values as a path: whatever is no letter, digit, dot, hyphen or underscore is written as %XX of UTF-8."""
    safe = lambda text: re.sub(
        r"[^A-Za-z0-9._-]", lambda m: "".join(f"%{b:02X}" for b in m[0].encode()), str(text)
    )
    return "/".join(safe(value) for value in part)


def alike(texts):
    """Each text as three values: from which character of the one before it, how many, and what follows them."""
    told, before = [], ""
    for text in texts:
        if text is None:
            told += [0, 0, None]
            continue
        best = (0, 0)
        for start in {0, max(0, before.find(text[:24]))}:
            length = len(os.path.commonprefix([before[start:], text]))
            best = max(best, (length, start))
        told += [best[1], best[0], text[best[0] :]]
        before = text
    return {"like": told}


def packed(columns, rows):
    """The same rows by column, as the program packs them (README.md has the forms)."""
    done = []
    for at, name in enumerate(columns):
        values = [row[at] for row in rows]
        if name in ("cell", "line"):
            step, before = [], 0
            for value in values:
                step.append(None if value is None else value - before)
                before = before if value is None else value
            done.append({"step": step})
        elif name in ("before", "behind"):
            done.append(alike(values))
        else:
            places = {}
            for value in values:
                places.setdefault(json.dumps(value), (len(places), value))
            words = [word for _, word in places.values()]
            if len(words) < 2:
                done.append({"words": words})
            elif len(words) * 2 > len(values):
                done.append({"values": values})
            else:
                done.append({"words": words, "at": [places[json.dumps(value)][0] for value in values]})
    return {"columns": columns, "count": len(rows), "packed": done}


def write(out, key, table):
    path = out / "data" / f"{key}.js"
    path.parent.mkdir(parents=True, exist_ok=True)
    body = json.dumps(table, ensure_ascii=False, separators=(",", ":"))
    # Nothing in a data file may end the script or begin another one, also where somebody pastes it into a page.
    body = body.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    path.write_text(f"tejido.data[{json.dumps(key, ensure_ascii=False)}]={body};\n", encoding="utf-8")
    return path.stat().st_size


class Excerpts:
    """The bytes around a cell. The program reads them with the code of `explain`; this is enough to look at."""

    def __init__(self, root, files):
        self.root, self.files, self.kept, self.counted = root, files, {}, (None, 0, 1)

    def payload(self, snapshot):
        if snapshot not in self.kept:
            try:
                done = subprocess.run(
                    ["zstd", "-dcq", self.root / self.files[snapshot]], capture_output=True, check=True
                )
                packed = done.stdout[:2] == b"\x1f\x8b"
                self.kept[snapshot] = gzip.decompress(done.stdout) if packed else done.stdout
            except (OSError, KeyError, subprocess.CalledProcessError):
                self.kept[snapshot] = None
        return self.kept[snapshot]

    def at(self, snapshot, cell):
        data = self.payload(snapshot)
        if data is None or cell >= len(data) or data[:2] == b"PK":
            return [None] * 5
        line = data.rfind(b"\n", 0, cell) + 1
        end = data.find(b"\n", cell)
        end = len(data) if end < 0 else end
        # A comma ends a value, unless semicolons do.
        rest = rb"[^;\t\s\]}<\"]*" if b";" in data[line:end] else rb"[^,;\t\s\]}<\"]*"
        text = re.match(rb'"[^"]*"|' + rest, data[cell:end])[0]
        behind = data[cell + len(text) : min(end, cell + len(text) + 40)]
        decode = lambda b: b.decode("utf-8", "replace")
        before = decode(data[max(line, cell - 120) : cell])
        return [self.line(snapshot, data, cell), cell - line + 1, before, decode(text), decode(behind)]

    def line(self, snapshot, data, cell):
        """Its number, counted from the cell before it in the same snapshot."""
        of, at, count = self.counted
        if of != snapshot or at > cell:
            at, count = 0, 1
        count += data.count(10, at, cell)
        self.counted = (snapshot, cell, count)
        return count


def main():
    build = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "data/published")
    out = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else build.resolve() / "report")
    manifest = json.loads((build / "manifest.json").read_text(encoding="utf-8"))
    package = json.loads((build / "datapackage.json").read_text(encoding="utf-8"))
    database = duckdb.connect(str(build / "tejido.duckdb"), read_only=True)
    if out.exists():
        shutil.rmtree(out)
    shutil.copytree(HERE / "assets", out / "assets", ignore=shutil.ignore_patterns("index.html", "README.md"))

    files = dict(database.sql('select substring("snapshot", 1, 16), file from lake.snapshots').fetchall())
    root = pathlib.Path(build).absolute().parent
    excerpts = Excerpts(root, files)
    parts, shapes, total = {}, {}, 0
    for path in sorted((HERE / "data").glob("*.sql")):
        sql = path.read_text(encoding="utf-8")
        head = header(sql)
        result = database.sql(sql)
        columns = list(result.columns)
        rows = [[plain(value) for value in row] for row in result.fetchall()]
        by = [columns.index(name) for name in head.get("part", [])]
        if path.stem == "lineage":
            at, value = columns.index("cell"), columns.index("value")
            columns += ["line", "column", "before", "text", "behind"]
            rows = [row + excerpts.at(row[0], row[at]) for row in rows]
            for row in rows:
                row[-2] = None if row[-2] == json.dumps(row[value]) else row[-2]
        groups = {}
        for row in rows:
            groups.setdefault(tuple(row[i] for i in by), []).append([v for i, v in enumerate(row) if i not in by])
        kept = [name for i, name in enumerate(columns) if i not in by]
        if not by:
            groups.setdefault((), [])
        form = packed if by else lambda columns, rows: {"columns": columns, "rows": rows}
        sizes = [write(out, "/".join(filter(None, [path.stem, file_name(k)])), form(kept, v)) for k, v in groups.items()]
        one = lambda name: head.get(name, [None])[0]
        shapes[path.stem] = {"part": head.get("part", []), "key": head.get("key", []), "of": one("of"), "sum": one("sum")}
        total += sum(sizes)
        if by and path.stem != "lineage":
            parts[path.stem] = sorted(file_name(k) for k in groups)
        print(f"{path.stem:16} {len(rows):7} rows {len(sizes):5} files, {sum(sizes):9} bytes, largest {max(sizes, default=0):8}")

    tables = {
        "models": ("models", ["name", "schema", "description", "translations", "grain", "inputs", "reads", "rows", "sql"]),
        "audits": ("audits", ["model", "audit", "blocking", "failing_rows"]),
        "pipelines": ("pipelines", ["pipeline", "dataset", "loaded", "quarantined", "provenance"]),
    }
    for name, (records, fields) in tables.items():
        rows = [[record.get(field) for field in fields] for record in manifest[records]]
        total += write(out, name, {"columns": fields, "rows": rows})

    provenance = {}
    for entry in manifest["pipelines"]:
        for kind, count in entry["provenance"].items():
            provenance[kind] = provenance.get(kind, 0) + count
    build_facts = {
        "id": manifest["build_id"],
        "built_at": manifest["built_at"],
        "profile": manifest["profile"],
        "title": {"es": "Adopción digital de las empresas, por región y actividad", "en": package["title"]},
        "publisher": package["contributors"][0]["title"],
        "logo": None,
        "home_region": sys.argv[3] if len(sys.argv) > 3 else "ES13",
        "languages": ["es", "en"],
        "provenance": provenance,
        "files": [{"path": f["path"], "bytes": f["bytes"]} for f in manifest["files"]],
        "rows": {m["name"]: m.get("rows") for m in manifest["models"] if m["is_mart"]},
        "audits": {
            "passed": sum(1 for a in manifest["audits"] if not a["failing_rows"]),
            "warned": sum(1 for a in manifest["audits"] if a["failing_rows"]),
        },
        "quarantined": sum(sum(p["quarantined"].values()) for p in manifest["pipelines"]),
        "parts": parts,
        "shapes": shapes,
    }
    body = json.dumps(build_facts, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    (out / "data" / "build.js").write_text(f"tejido.build={body};\n", encoding="utf-8")
    page = (HERE / "assets" / "index.html").read_text(encoding="utf-8")
    for name, value in [
        ("language", build_facts["languages"][0]),
        ("title", build_facts["title"][build_facts["languages"][0]]),
        ("build", build_facts["id"]),
    ]:
        page = page.replace("{{" + name + "}}", value.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;"))
    (out / "index.html").write_text(page, encoding="utf-8")
    print(f"{out}: {total / 1e6:.1f} MB of data")


if __name__ == "__main__":
    main()
