#!/usr/bin/env python3
"""Writes the sample payloads from the published figures (official.csv), the codelists and a keyed hash.

Standard library only; no clock, no random numbers: a second run writes the same bytes.
What official.csv does not name is synthetic: plausible in level, made up in detail.
"""

import sys

sys.dont_write_bytecode = True  # this folder is served, not a package

import clusters
import icane
import industry
import ine
import intelligence
import registers
import surveys
from arithmetic import write


def main():
    write("eurostat__isoc_r_eb_ain2/isoc_r_eb_ain2.csv", intelligence.sdmx_csv())
    write("eurostat__isoc_eb_ain2/isoc_eb_ain2.tsv", intelligence.by_activity())
    write("eurostat__isoc_eb_ai/isoc_eb_ai.tsv", intelligence.by_size_class())
    for name in surveys.TABLES:
        write(f"eurostat__{name}/{name}.tsv", surveys.tsv(name))
    for path, text in (ine.payloads() | icane.payloads() | registers.payloads()).items():
        write(path, text)
    write("clusters__tera/tera.csv", clusters.tera_csv(), "cp1252")
    for path, (content, encoding) in industry.payloads().items():
        write(path, content, encoding)


if __name__ == "__main__":
    main()
