"""compare.py TEJIDO PAYLOADS: decodes each file with tejido and with another program, and compares every cell.

Prints a line a file with the number of cells compared, of values among them, and of differences; exit code 1 if
there is any. A cell that a reader leaves out counts as one without a value: JSON-stat and SDMX tell the two apart,
data frames do not.
"""
import json
import math
import subprocess
import sys
import tempfile
import types
import warnings
from collections import OrderedDict
from pathlib import Path

import pyarrow.parquet as pq

warnings.simplefilter("ignore")
tejido, payloads = sys.argv[1], Path(sys.argv[2])


class Cells:
    """Cells of one reader: the names of the dimensions, and the codes in their order with the value."""

    def __init__(self, names, rows):
        self.names, self.rows = list(names), list(rows)

    def by_key(self, order):
        """Codes in the order of these names; a key that comes twice would hide a cell."""
        at = [self.names.index(name) for name in order]
        # pyaxis takes blanks off the ends of labels.
        found = {tuple(str(row[place]).strip() for place in at): row[-1] for row in self.rows}
        assert len(found) == len(self.rows), "two cells of one key"
        return found


def frame(data):
    return Cells(data.columns[:-1], data.itertuples(index=False))


def ours(path, arguments, labels):
    with tempfile.NamedTemporaryFile(suffix=".parquet") as target:
        subprocess.run([tejido, "decode", str(path), "-o", target.name, *arguments], check=True, capture_output=True)
        table, metadata = pq.read_table(target.name), pq.read_metadata(target.name).metadata
    names = table.column_names[: table.column_names.index("obs_value") + 1]
    columns = [table.column(name).to_pylist() for name in names]
    if labels:
        stated = json.loads(metadata[b"tejido.metadata"])["labels"]
        columns = [[stated.get(n, {}).get(c, c) for c in column] for n, column in zip(names, columns)]
    return Cells(names[:-1], zip(*columns))


def pyjstat(path):
    from pyjstat import pyjstat

    return frame(pyjstat.Dataset.read(path.read_text()).write("dataframe", naming="id"))


def pyjstat_bundle(path):
    """The one dataset of a bundle of JSON-stat 1.x that is asked for."""
    from pyjstat import pyjstat

    text = json.loads(path.read_text(), object_pairs_hook=OrderedDict)
    return frame(pyjstat.from_json_stat(text, naming="id")[0])


def sdmx1(path):
    import sdmx

    series = sdmx.to_pandas(sdmx.read_sdmx(path).data[0])
    return Cells(series.index.names, ([*key, value] for key, value in series.items()))


def pyaxis(path, encoding="iso-8859-15"):
    """Reads labels, as tejido does where a file has no codes."""
    from pyaxis import pyaxis

    def number(text):
        text = str(text).strip('"')
        return None if text in {"..", "...", ".", "-", "", "nan"} else float(text)

    data = pyaxis.parse(str(path), encoding=encoding)["DATA"]
    return Cells(data.columns[:-1], ([*row[:-1], number(row[-1])] for row in data.itertuples(index=False)))


def pyaxis_dos(path):
    return pyaxis(path, "cp850")


def eurostat(path):
    """Given the file as the reply to its own request."""
    import gzip

    import eurostat.eurostat as client

    text = path.read_bytes()
    names = text.split(b"\\", 1)[0].decode().split(",")
    reply = gzip.compress(text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    setattr(client, "__get_dims_info__", lambda code, detail: (None, "EUROSTAT", dict(enumerate(names))))
    setattr(client, "__get_resp__", lambda url, provider=None: types.SimpleNamespace(content=reply))
    header, *rows = client.get_data("any", flags=True)
    width = len(names)
    cells = ([*row[:width], header[at].removesuffix("_value"), row[at]] for row in rows for at in range(width, len(row), 2))
    return Cells([*names, "time"], cells)


def agree(one, other):
    def missing(value):
        return value is None or isinstance(value, float) and math.isnan(value)

    return missing(one) and missing(other) or not missing(one) and not missing(other) and float(one) == float(other)


comparisons = [
    ("jsonstat/galicia-2.0.json", pyjstat, []),
    ("jsonstat/isoc_ci_cm_h.A1-A1_DCH.json", pyjstat, []),
    ("jsonstat/isoc_e_dii.E_DI4.json", pyjstat, []),
    ("jsonstat/sts_inpr_m-all-confidential.json", pyjstat, []),
    ("jsonstat/oecd-canada-1.x.json", pyjstat_bundle, ["--dataset", "oecd"]),
    ("icane/icane-epa-cantabria.json-stat2.json", pyjstat, []),
    ("sdmx-ml/isoc_ic_biski.generic21.xml", sdmx1, []),
    ("sdmx-json/sdmxjson1-exr-ts.json", sdmx1, []),
    ("eurostat-tsv/estat_ilc_di03.subset.tsv", eurostat, []),
    ("px/ine-14001-matrimonios.px", pyaxis, []),
    ("px/ine-27067-ipri-cantabria.px", pyaxis, []),
    ("px/ine-22350-ipc-ca06.px", pyaxis, []),
    ("px/ine-o20012-cp850.px", pyaxis_dos, ["--encoding", "ibm850"]),
    ("icane/hogares-personas-tamano-medio-hogar.pc-axis.px", pyaxis, []),
]
different = 0
for name, reader, arguments in comparisons:
    path = payloads / name
    try:
        theirs = reader(path)
    except Exception as error:  # A reader that cannot read the file has nothing to compare: say so.
        print(f"{name}: {reader.__name__} does not read it: {type(error).__name__}: {str(error)[:120]}")
        continue
    mine = ours(path, arguments, reader in (pyaxis, pyaxis_dos))
    # tejido calls the dimension of time `time_period` whatever it is called in the file.
    (own,), (other,) = set(mine.names) - set(theirs.names) or {""}, set(theirs.names) - set(mine.names) or {""}
    theirs.names = [own if name == other else name for name in theirs.names]
    mine, theirs = mine.by_key(mine.names), theirs.by_key(mine.names)
    keys = mine.keys() | theirs.keys()
    wrong = [key for key in keys if not agree(mine.get(key), theirs.get(key))]
    values = sum(1 for value in mine.values() if value is not None)
    print(f"{name}: {len(keys)} cells, {values} values, {len(wrong)} differ from {reader.__name__}")
    for key in wrong[:3]:
        print(f"    {key}: {mine.get(key)} here, {theirs.get(key)} there")
    different += len(wrong)
sys.exit(different > 0)
