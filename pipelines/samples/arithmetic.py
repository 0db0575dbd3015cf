"""What all parts of the generator use: files, a number that depends on its key alone, and shares that add up."""

import csv
import hashlib
import math
from pathlib import Path

HERE = Path(__file__).resolve().parent
CODELISTS = HERE.parent / "codelists"
KEY = b"tejido samples 1"


def table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def codelist(name):
    return table(CODELISTS / f"{name}.csv")


def official(pipeline):
    """Published figures of a pipeline: {(dataset, indicator, region, sector, size class, unit, year): value}."""
    cells = {}
    for row in table(HERE / pipeline / "official.csv"):
        key = (row["dataset"], row["indicator"], row["region"], row["sector"], row["size_class"], row["unit"])
        cells[(*key, int(row["time_period"]))] = float(row["value"])
    return cells


def official_eurostat(pipelines):
    """The same of several pipelines without the dataset: a cell has one value in every table that carries it."""
    cells = {}
    for pipeline in pipelines:
        for key, value in official(pipeline).items():
            if cells.setdefault(key[1:], value) != value:
                raise SystemExit(f"{pipeline}: {key} has two published values")
    return cells


def write(path, content, encoding="utf-8"):
    path = HERE / path
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))


def share(*key):
    """A number in [0, 1) that depends on nothing but the key."""
    text = "\x1f".join(map(str, key)).encode()
    return int.from_bytes(hashlib.blake2b(text, key=KEY, digest_size=6).digest(), "big") / 2**48


def noise(scale, *key):
    """About normal, within three times the scale."""
    return scale * 2 * (share(1, *key) + share(2, *key) + share(3, *key) - 1.5)


def logit(percent):
    percent = min(max(percent, 0.05), 99.0)
    return math.log(percent / (100 - percent))


def percent(logit_value):
    return 100 / (1 + math.exp(-logit_value))


def solve(target, function, low, high):
    """Where a rising function reaches the target."""
    for _ in range(60):
        middle = (low + high) / 2
        if function(middle) < target:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def split(whole, parts):
    """Percentages of the parts, {name: (weight, logit shift)}, whose weighted mean is the whole."""
    total = sum(weight for weight, _ in parts.values())

    def mean(level):
        return sum(weight * percent(level + shift) for weight, shift in parts.values()) / total

    level = solve(whole, mean, -12, 8)
    return {name: percent(level + shift) for name, (_, shift) in parts.items()}


def mean(values, weights):
    total = sum(weights[name] for name in weights)
    return sum(values[name] * weights[name] for name in weights) / total
