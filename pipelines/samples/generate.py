#!/usr/bin/env python3
"""Writes the sample payloads from the published figures (official.csv), the codelists and a keyed hash.

Standard library only; no clock, no random numbers: a second run writes the same bytes.
What official.csv does not name is synthetic: plausible in level, made up in detail.
"""

import csv
import functools
import hashlib
import io
import math
from pathlib import Path

HERE = Path(__file__).resolve().parent
CODELISTS = HERE.parent / "codelists"
KEY = b"tejido samples 1"

ALL = "C10-S951_X_K"
ANY = "E_AI_TANY"
LAST_UPDATE = "11/11/26 11:00:00"
NUTS_YEARS = (2023, 2024, 2025)
NATIONAL_YEARS = (2021, 2023, 2024, 2025)


# --------------------------------------------------------------------- inputs


def table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(line for line in file if not line.startswith("#")))


def codelist(name):
    return table(CODELISTS / f"{name}.csv")


def official(pipeline):
    cells = {}
    for row in table(HERE / pipeline / "official.csv"):
        key = (row["dataset"], row["indicator"], row["region"], row["sector"], row["size_class"], row["unit"])
        cells[(*key, int(row["time_period"]))] = float(row["value"])
    return cells


REGIONS = {row["code"]: row for row in codelist("regions")}
# In the national tables only: North Macedonia. In no table: CZ0, which is there as a parent.
NATIONAL = [code for code, row in REGIONS.items() if row["level"] in ("aggregate", "country")]
REGIONAL = [code for code in REGIONS if code not in ("MK", "CZ0")]
SPAIN = [code for code in REGIONAL if REGIONS[code]["country"] == "ES"]

EUROSTAT = {}  # without the dataset: a cell has one value in every table that carries it
for _pipeline in ("eurostat__isoc_r_eb_ain2", "eurostat__isoc_eb_ain2", "eurostat__isoc_eb_ai"):
    for _key, _value in official(_pipeline).items():
        if EUROSTAT.setdefault(_key[1:], _value) != _value:
            raise SystemExit(f"{_pipeline}: {_key} has two published values")
INE = official("ine__ai_by_region")

# Flags of published figures. The regional ones were kept without flags.
PUBLISHED_FLAGS = {("isoc_eb_ai", "FR", "10-49", 2023): "b"}


# --------------------------------------------------------------------- arithmetic


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


# --------------------------------------------------------------------- Eurostat: sizes and levels

# Enterprises with 10 or more persons, in thousands: rough orders of magnitude.
ENTERPRISES = {
    "EU27_2020": 1500, "EA": 1150, "AL": 6, "AT": 43, "BA": 9, "BE": 38, "BG": 30, "CY": 5, "CZ": 42, "DE": 370,
    "DK": 26, "EE": 7.7, "EL": 45, "ES": 180, "FI": 22, "FR": 175, "HR": 17, "HU": 34, "IE": 23, "IT": 210, "LT": 16,
    "LU": 6.5, "LV": 10, "ME": 2.5, "MK": 5.5, "MT": 3.5, "NL": 68, "NO": 28, "PL": 110, "PT": 48, "RO": 50, "RS": 18,
    "SE": 42, "SI": 10, "SK": 20, "TR": 190,
    "ES11": 8.8, "ES12": 3.0, "ES13": 1.85, "ES21": 9.5, "ES22": 2.6, "ES23": 1.2, "ES24": 4.6, "ES30": 29, "ES41": 7.0,
    "ES42": 6.3, "ES43": 2.7, "ES51": 32, "ES52": 19, "ES53": 4.9, "ES61": 25, "ES62": 5.4, "ES63": 0.15, "ES64": 0.14,
    "ES70": 7.2,
}  # fmt: skip
# Level in 2025 of the countries without a published figure.
LEVEL_2025 = {
    "LT": 16, "LU": 33, "LV": 15, "ME": 10, "MK": 7, "MT": 25, "NL": 30, "NO": 33, "PL": 8.6, "RO": 5.2, "RS": 9,
    "SE": 35, "SI": 27, "SK": 14, "TR": 8,
}  # fmt: skip
GROWTH = {2021: 0.40, 2023: 0.46, 2024: 0.68, 2025: 1.0}
# Countries that did not answer in a year.
SILENT = {("AL", 2023), ("ME", 2021), ("MK", 2021), ("TR", 2021), ("RS", 2021)}
BREAKS = {("FR", 2023), ("TR", 2024), ("NO", 2024), ("RS", 2023)}


def country(region):
    return REGIONS[region]["country"] or region


def same_area(region):
    """A NUTS 1 region that is the whole country, or has one NUTS 2 region, has one set of figures with it."""
    if region in ("ES3", "ES7"):
        return region + "0"
    return region[:2] if len(region) == 3 and region.endswith("0") else region


def children(region):
    if len(region) == 2:
        return [code for code, row in REGIONS.items() if row["country"] == region and row["level"] == "nuts2"]
    return [code for code, row in REGIONS.items() if row["parent"] == region]


@functools.cache
def enterprises(region):
    region = same_area(region)
    if region in ENTERPRISES:
        return 1000 * ENTERPRISES[region]
    if REGIONS[region]["level"] == "nuts1" and children(region):
        return sum(enterprises(child) for child in children(region))
    # A made-up part of the country.
    peers = children(country(region)) or [code for code in REGIONS if len(code) == 3 and code[:2] == region[:2]]
    sizes = {peer: 0.4 + 1.6 * share("size", peer) ** 2 for peer in peers}
    return 1000 * ENTERPRISES[country(region)] * sizes[region] / sum(sizes.values())


def published(region, year, size="GE10"):
    return EUROSTAT.get((ANY, region, ALL, size, "PC_ENT", year))


@functools.cache
def total(region, year):
    """All activities, 10 and more persons; none where the source has no figure."""
    region = same_area(region)
    if published(region, year) is not None:
        return published(region, year)
    level = REGIONS[region]["level"]
    if level in ("nuts1", "nuts2"):
        if REGIONS[region]["country"] not in LEVEL_2025:
            return None  # the published list of these countries is complete
        regions = children(country(region))
        parts = {
            code: (enterprises(code), noise(0.25, "level", code) + noise(0.06, "level", code, year)) for code in regions
        }
        capital = max(regions, key=enterprises)
        parts[capital] = (parts[capital][0], parts[capital][1] + 0.35)
        values = split(total(country(region), year), parts)
        if level == "nuts2":
            return values[region]
        inside = children(region)
        return mean(values, {code: enterprises(code) for code in inside})
    if (region, year) in SILENT:
        return None
    if region == "EA":
        return total("EU27_2020", year) * (1.03 + noise(0.01, "EA", year))
    small = published(region, year, "10-49")
    if small is not None:
        known = [y for y in (2023, 2024, 2025) if published(region, y) and published(region, y, "10-49")]
        return small * (published(region, known[0]) / published(region, known[0], "10-49") if known else 1.18)
    if year == 2021:
        return total(region, 2023) * (0.88 + noise(0.06, "2021", region))
    return LEVEL_2025[region] * GROWTH[year] * (1 + noise(0.08, "year", region, year))


# --------------------------------------------------------------------- Eurostat: activities

# Parts of the whole: (weight among enterprises, distance on the logit scale).
SECTIONS = {
    "C": (0.21, -0.1), "D_E": (0.015, 0.2), "F": (0.13, -0.75), "G": (0.27, -0.05), "H": (0.07, -0.55), "I": (0.12, -0.85),
    "J": (0.05, 1.75), "L_M": (0.085, 0.95), "N": (0.055, 0.15), "S951": (0.005, 0.2),
}  # fmt: skip
DIVISIONS = {
    "C": {
        "C10-C12": (0.24, -0.35), "C13-C15": (0.06, -0.2), "C16-C18": (0.1, 0.0), "C19": (0.002, 0.6), "C20": (0.05, 0.45),
        "C21": (0.01, 0.9), "C22_C23": (0.12, -0.1), "C24_C25": (0.2, -0.15), "C26": (0.02, 0.9), "C27": (0.03, 0.5),
        "C28": (0.07, 0.35), "C29_C30": (0.04, 0.3), "C31-C33": (0.1, 0.0),
    },
    "D_E": {"D": (0.4, 0.4), "E": (0.6, -0.25)},
    "G": {"G45": (0.15, -0.3), "G46": (0.5, 0.15), "G47": (0.35, -0.1)},
    "I": {"I55": (0.25, 0.35), "I56": (0.75, -0.15)},
    "J": {"J58-J60": (0.18, -0.1), "J61": (0.06, -0.2), "J62_J63": (0.76, 0.05)},
    "L_M": {"L": (0.12, -0.5), "M": (0.88, 0.08)},
    "M": {"M69-M71": (0.65, -0.05), "M72": (0.05, 0.5), "M73-M75": (0.3, 0.1)},
    "N": {"N79": (0.12, 0.3), "N77-N82_X_N79": (0.88, -0.05)},
}  # fmt: skip
UNIONS = {
    "C-E": ("C", "D_E"), "C-F": ("C", "D_E", "F"), "G45-S951_X_K": ("G", "H", "I", "J", "L_M", "N", "S951"),
    "C10-C18": ("C10-C12", "C13-C15", "C16-C18"), "C19-C23": ("C19", "C20", "C21", "C22_C23"),
    "C26-C33": ("C26", "C27", "C28", "C29_C30", "C31-C33"), "C27_C28": ("C27", "C28"),
    "ICT": ("C26", "J61", "J62_J63", "S951"),
}  # fmt: skip
SAME_ACTIVITY = {"D35": "D", "L68": "L"}
REGIONAL_SECTORS = ["C", "C-E", "C-F", ALL, "D_E", "F", "G", "G45-S951_X_K", "H", "I", "J", "L_M", "N"]
NATIONAL_SECTORS = sorted(
    {row["code"] for row in codelist("sectors") if row["level"] == "aggregate"}
    | {"C", "D", "E", "F", "G", "H", "I", "J", "L", "M", "N"}
)


def _weights():
    weights = {ALL: 1.0}
    whole = sum(weight for weight, _ in SECTIONS.values())
    weights.update({code: weight / whole for code, (weight, _) in SECTIONS.items()})
    for parent, parts in DIVISIONS.items():
        whole = sum(weight for weight, _ in parts.values())
        weights.update({code: weights[parent] * weight / whole for code, (weight, _) in parts.items()})
    weights.update({code: sum(weights[part] for part in parts) for code, parts in UNIONS.items()})
    weights.update({code: weights[other] for code, other in SAME_ACTIVITY.items()})
    return weights


WEIGHTS = _weights()


@functools.cache
def activities(region, year):
    """All activities of a region in a year; their weighted means agree with the published total."""
    wide = 0.22 if len(region) > 2 and region in REGIONS and REGIONS[region]["level"] != "aggregate" else 0.12

    def shifted(parts):
        return {
            code: (weight, shift + noise(wide, region, code) + noise(wide / 2.5, region, code, year))
            for code, (weight, shift) in parts.items()
        }

    values = {ALL: total(region, year)}
    values.update(split(values[ALL], shifted(SECTIONS)))
    for parent, parts in DIVISIONS.items():
        values.update(split(values[parent], shifted(parts)))
    for code, parts in UNIONS.items():
        values[code] = mean(values, {part: WEIGHTS[part] for part in parts})
    for code, other in SAME_ACTIVITY.items():
        values[code] = values[other]
    return values


# Part of the enterprises with AI that use a technology, by year, and how it leans.
TECHNOLOGIES = {
    "E_AI_TTM": ((31, 33, 45, 50), {"J": 0.3, "F": -0.2}),
    "E_AI_TSR": ((30, 32, 33, 36), {"C": -0.4, "F": 0.1}),
    "E_AI_TNLG": ((20, 26, 38, 44), {"J": 0.3, "C": -0.2}),
    "E_AI_TPVSG": ((0, 0, 0, 40), {"G": 0.2, "F": -0.2}),
    "E_AI_TIR": ((32, 34, 30, 24), {"C": 0.3, "F": 0.2}),
    "E_AI_TML": ((28, 31, 34, 27), {"J": 0.6}),
    "E_AI_TPA": ((42, 40, 38, 33), {"N": 0.2}),
    "E_AI_TAR": ((14, 13, 12, 8), {"C": 0.7, "J": -0.5}),
}


def value(indicator, region, sector, size, unit, year):
    """One cell of Eurostat's universe, unrounded; none where there is no figure."""
    known = EUROSTAT.get((indicator, region, sector, size, unit, year))
    if known is not None:
        return known
    if total(region, year) is None:
        return None
    region = same_area(region)
    if size != "GE10":
        return by_size(region, year)[size]
    rate = activities(region, year)[sector]
    if indicator != ANY:
        parts, lean = TECHNOLOGIES[indicator]
        part = parts[NATIONAL_YEARS.index(year)]
        if part == 0:
            return None
        around = lean.get(sector, lean.get(sector[0], 0.0) if sector != ALL else 0.0)
        around += noise(0.18, indicator, region, sector) + noise(0.08, indicator, region, sector, year)
        rate *= percent(logit(part) + around) / 100
    if unit == "PC_ENT_IUSE":
        rate /= 0.965 + 0.03 * share("internet", region, sector) + 0.001 * (year - 2022)
    return rate


# --------------------------------------------------------------------- Eurostat: size classes

SIZE_WEIGHTS = {"10-49": 0.83, "50-249": 0.14, "GE250": 0.03}
SIZES = ["0-9", "0_1", "10-249", "10-49", "2-9", "50-249", "GE10", "GE250"]
MICRO = ("AL", "BA", "ES", "MK", "PT", "SE")  # who also asks enterprises with fewer than 10


@functools.cache
def by_size(region, year):
    whole = total(region, year)
    small = published(region, year, "10-49") or whole * (0.84 + noise(0.02, "10-49", region, year))
    rest = (whole - SIZE_WEIGHTS["10-49"] * small) / (1 - SIZE_WEIGHTS["10-49"])

    def large(medium):
        return medium + 0.8 * medium * (100 - medium) / 100

    def both(medium):
        return (SIZE_WEIGHTS["50-249"] * medium + SIZE_WEIGHTS["GE250"] * large(medium)) / 0.17

    medium = solve(rest, both, 0, 100)
    values = {"GE10": whole, "10-49": small, "50-249": medium, "GE250": large(medium)}
    values["10-249"] = mean(values, {"10-49": 0.83, "50-249": 0.14})
    values["2-9"] = small * (0.62 + noise(0.04, "2-9", region, year))
    values["0_1"] = values["2-9"] * (0.84 + noise(0.04, "0_1", region, year))
    values["0-9"] = mean(values, {"2-9": 0.6, "0_1": 0.4})
    return values


# --------------------------------------------------------------------- Eurostat: what is published how


def observation(dataset, indicator, region, sector, size, unit, year):
    """(text, flags, confidential) of a cell, or none where the table leaves it out."""
    number = value(indicator, region, sector, size, unit, year)
    if number is None:
        return None
    text = f"{number:.2f}"
    if (indicator, region, sector, size, unit, year) in EUROSTAT:
        return text, PUBLISHED_FLAGS.get((dataset, region, size, year), ""), False
    area = same_area(region)
    asked = enterprises(area) * WEIGHTS[sector] * (SIZE_WEIGHTS.get(size, 1.0))
    flags = "b" if (country(region), year) in BREAKS else ""
    if sector != ALL and asked < 45:
        if share("absent", area, sector) < 0.35 or share("absent", area, sector, year) < 0.15:
            return None
        return "", "", True
    if asked < 125 or asked * number / 100 < 6:
        flags += "u"
    return text, flags, False


def sdmx_csv():
    dataset = "isoc_r_eb_ain2"
    lines = ["DATAFLOW,LAST UPDATE,freq,size_emp,nace_r2,indic_is,unit,geo,TIME_PERIOD,OBS_VALUE,OBS_FLAG,CONF_STATUS"]
    series = [(sector, ANY, "PC_ENT", region) for sector in REGIONAL_SECTORS for region in REGIONAL]
    for region in SPAIN:
        for sector in REGIONAL_SECTORS:
            series.append((sector, ANY, "PC_ENT_IUSE", region))
            series += [(sector, technology, "PC_ENT", region) for technology in TECHNOLOGIES]
    for sector, indicator, unit, region in sorted(series):
        for year in NUTS_YEARS:
            found = observation(dataset, indicator, region, sector, "GE10", unit, year)
            if found is None:
                continue
            text, flags, confidential = found
            cell = ["ESTAT:ISOC_R_EB_AIN2(1.0)", LAST_UPDATE, "A", "GE10", sector, indicator, unit, region, str(year)]
            lines.append(",".join([*cell, text, flags, "C" if confidential else ""]))
    return "\n".join(lines) + "\n"


def tsv(dataset, series):
    lines = ["freq,size_emp,nace_r2,indic_is,unit,geo\\TIME_PERIOD\t" + "\t".join(f"{year} " for year in NATIONAL_YEARS)]
    for size, sector, indicator, unit, region in sorted(series):
        cells = []
        for year in NATIONAL_YEARS:
            found = observation(dataset, indicator, region, sector, size, unit, year)
            if found is None:
                cells.append(": ")
            elif found[2]:
                cells.append(":C")
            else:
                cells.append(f"{found[0]} {found[1]}")
        if any(cell != ": " for cell in cells):
            lines.append(f"A,{size},{sector},{indicator},{unit},{region}\t" + "\t".join(cells))
    return "\n".join(lines) + "\n"


def by_activity():
    series = [("GE10", sector, ANY, "PC_ENT", region) for sector in NATIONAL_SECTORS for region in NATIONAL]
    for region in ("ES", "EU27_2020"):
        series += [("GE10", sector, code, "PC_ENT", region) for sector in NATIONAL_SECTORS for code in TECHNOLOGIES]
    return tsv("isoc_eb_ain2", series)


def by_size_class():
    micro = ("0-9", "0_1", "2-9")
    series = [(size, ALL, ANY, "PC_ENT", region) for size in SIZES for region in NATIONAL if size not in micro or region in MICRO]
    return tsv("isoc_eb_ai", series)


# --------------------------------------------------------------------- INE

INE_REGIONS = [
    ("National total", "ES"), ("Andalucía", "ES61"), ("Aragón", "ES24"), ("Asturias, Principado de", "ES12"),
    ("Balears, Illes", "ES53"), ("Canarias", "ES70"), ("Cantabria", "ES13"), ("Castilla y León", "ES41"),
    ("Castilla - La Mancha", "ES42"), ("Cataluña", "ES51"), ("Comunitat Valenciana", "ES52"), ("Extremadura", "ES43"),
    ("Galicia", "ES11"), ("Madrid, Comunidad de", "ES30"), ("Murcia, Región de", "ES62"),
    ("Navarra, Comunidad Foral de", "ES22"), ("País Vasco", "ES21"), ("Rioja, La", "ES23"), ("Ceuta", "ES63"),
    ("Melilla", "ES64"),
]  # fmt: skip
INE_ACTIVITIES = [
    ("Total Enterprises", "INE_TOTAL", 1.0), ("Industry", "C-E", 0.24), ("Construction", "F", 0.13),
    ("Services", "INE_SERVICES", 0.63),
]  # fmt: skip
# Each wave is a table of its own, with its own question letter, heading and wording.
INE_TABLES = {
    "76405": (
        2025,
        "Autonomous Communities and autonomous cities;Main variables;Activity grouping;Total",
        {
            ANY: "E.1 % of companies that use technologies of Artificial Intelligence (AI) (1)",
            "E_AI_TTM": "E.1.A % of companies with AI technology of written language analysis (2)",
            "E_AI_TSR": "E.1.B % of companies with AI technology that converts spoken language into machine-readable form (2)",
            "E_AI_TNLG": "E.1.C % of companies with AI technology that generates written language or spoken, or programming codes (2)",
        },
    ),
    "71040": (
        2024,
        "Autonomous Communities and Cities;Main variables;Activity grouping;Total",
        {
            ANY: "G.1 % of enterprises using Artificial Intelligence (AI) technologies (1)",
            "E_AI_TTM": "G.1.A % of enterprises with AI technology for written language analysis (2)",
            "E_AI_TSR": "G.1.B % of enterprises with AI technology that converts spoken language into machine-readable format (2)",
            "E_AI_TNLG": "G.1.C % of enterprises with AI technology that generates written or spoken language (2)",
        },
    ),
}
INE_TABLES["59913"] = (2023, *INE_TABLES["71040"][1:])
INE_YEARS = {year: name for name, (year, _, _) in INE_TABLES.items()}


def ine_published(indicator, region, sector, year):
    unit = "PC_ENT" if indicator == ANY else "PC_ENT_AI_TANY"
    return INE.get((INE_YEARS[year], indicator, region, sector, "GE10", unit, year))


INE_PARTS = {sector: weight for _, sector, weight in INE_ACTIVITIES if sector != "INE_TOTAL"}


def ine_base(indicator, region, year):
    """Weights of the activities in the indicator's universe: enterprises, or those of them that use AI."""
    return {code: weight * (1 if indicator == ANY else ine_value(ANY, region, code, year)) for code, weight in INE_PARTS.items()}


@functools.cache
def ine_national(indicator, sector, year):
    known = ine_published(indicator, "ES", sector, year)
    if known is not None:
        return known
    whole = ine_published(indicator, "ES", "INE_TOTAL", year)
    base = ine_base(indicator, "ES", year)
    others = {code: ine_published(indicator, "ES", code, year) for code in base if code != sector}
    if None not in others.values():
        rest = whole * sum(base.values()) - sum(base[code] * rate for code, rate in others.items())
        return rest / base[sector]

    def apart(code):
        """How far the sector is from the total where both are published."""
        rates = [(ine_published(indicator, "ES", code, y), ine_published(indicator, "ES", "INE_TOTAL", y)) for y in sorted(INE_YEARS)]
        rates = [logit(part) - logit(total_) for part, total_ in rates if part]
        return sum(rates) / len(rates)

    return split(whole, {code: (weight, apart(code)) for code, weight in base.items()})[sector]


@functools.cache
def ine_value(indicator, region, sector, year):
    known = ine_published(indicator, region, sector, year)
    if known is not None:
        return known
    if region == "ES":
        return ine_national(indicator, sector, year)
    whole = ine_published(indicator, region, "INE_TOTAL", year)
    if whole is None and indicator == ANY:
        # Eurostat's figure for the region, moved to INE's universe.
        whole = total(region, year) * ine_national(ANY, "INE_TOTAL", year) / total("ES", year)
        whole *= 1 + noise(0.02, "ine", region, year)
    elif whole is None:
        whole = percent(logit(ine_national(indicator, "INE_TOTAL", year)) + noise(0.15, "ine", indicator, region, year))
    if sector == "INE_TOTAL":
        return whole
    parts = {}
    for code, weight in ine_base(indicator, region, year).items():
        around = noise(0.15, "ine", indicator, region, code) + noise(0.06, "ine", indicator, region, code, year)
        parts[code] = (weight, logit(ine_national(indicator, code, year)) + around)
    return split(whole, parts)[sector]


def ine_text(indicator, region, sector, weight, year):
    number = ine_value(indicator, region, sector, year)
    if region != "ES" and ine_published(indicator, region, sector, year) is None:
        asked = enterprises(region) * weight
        users = asked * ine_value(ANY, region, sector, year) / 100
        if asked < 40 or (indicator != ANY and users < 25):
            return ".."
    return f"{number:.2f}".rstrip("0").rstrip(".").replace(".", ",")


def ine_csv(name):
    year, header, questions = INE_TABLES[name]
    lines = [header]
    for label, region in INE_REGIONS:
        for indicator, question in questions.items():
            for activity, sector, weight in INE_ACTIVITIES:
                lines.append(f"{label};{question};{activity};{ine_text(indicator, region, sector, weight, year)}")
    return "\n".join(lines) + "\n"


# --------------------------------------------------------------------- cluster


def entity(letter, number):
    """A NIF of an entity that cannot have been issued: its province digits are 00."""
    body = f"00{number:05d}"
    digits = [int(digit) for digit in body]
    odd = sum(sum(divmod(2 * digit, 10)) for digit in digits[0::2])
    control = (10 - (odd + sum(digits[1::2])) % 10) % 10
    return letter + body + "JABCDEFGHI"[control]


def person(number):
    return f"{number:08d}" + "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23]


TERA_HEADER = (
    "Razón social;CIF;CNAE;Actividad;Municipio;C.P.;Persona de contacto;Correo electrónico;Teléfono;Web;"
    "Nº empleados;Fecha de alta;Fecha de baja"
)
# name; kind of number; CNAE; activity; municipality; postal code; employees; joined; left. All invented.
TERA = """
Trentisoft Ingeniería de Software, S.L.;B;6201;Desarrollo de software a medida;Santander;39011;34;14/03/2016;
Ojáncanu Data Labs, S.L.;B-;62.01;Analítica de datos e inteligencia artificial;Santander;39011;18;02/05/2018;
ANJANA CLOUD SERVICIOS, S.A.;A;6311;Centro de datos y alojamiento en la nube;Camargo;39600;de 50 a 249;14/03/2016;
Redes del Pas Imaginario, S.L.;b;6110;Operador de fibra óptica;Piélagos;39470;27;14/03/2016;
Cuélebre Ciberseguridad, S.L.;ESB;62.02;Consultoría de ciberseguridad;Santander;39012;41;21/09/2017;
Sistemas Valle de Invernalia, S.L.U.;B;6202;Consultoría informática;Torrelavega;39300;12;14/03/2016;
Musgosu Videojuegos, S.L.;B;5821;Edición de videojuegos;Santander;39005;9;11/01/2020;
Bosque Digital del Saja, S.L.;B-;6209;Integración de sistemas;Cabezón de la Sal;39500;7;30/06/2019;
Ventolín Telecomunicaciones, S.A.;A;61.20;Redes 5G privadas;El Astillero;39610;de 50 a 249;14/03/2016;
Esteleru Tecnologías Cuánticas, S.L.;B;7219;Algoritmos de computación cuántica;Santander;39011;6;18/10/2022;
Ingeniería Brañaflor, S.L.;B;7112;Ingeniería de telecomunicación;Santa Cruz de Bezana;39100;58;05/04/2017;
Caballucos Internet, S.L.;b-;6312;Portales web y contenidos;Laredo;39770;5;22/11/2018;
Nuberu Analítica, S.L.;B;6311;"Proceso de datos; cuadros de mando";Santander;39001;23;09/02/2019;
Trasgu Robótica, S.L.;B;2899;Robots colaborativos y visión artificial;Los Corrales de Buelna;39400;64;14/03/2016;
Automatismos Peña Imaginada, S.A.;A;71.12;Automatización industrial;Reinosa;39200;de 50 a 249;14/03/2016;
Lumia Marea Sensores, S.L.;B;2651;Sensórica marina y gemelos digitales;Marina de Cudeyo;39719;31;27/06/2021;
Faro Ficticio Comunicaciones, S.L.;ESB;6190;Servicios de telecomunicaciones;Castro-Urdiales;39700;14;13/05/2016;
Costa Quebranta Software, S.L.;B;6201;Software para el sector marítimo;Santander;39004;de 10 a 49;01/10/2016;
Hayedo Sistemas de Gestión, S.L.;B;6201;ERP para pymes;Torrelavega;39300;22;14/03/2016;
Pindial Informática, Soc. Coop.;F;6203;Gestión de recursos informáticos;Torrelavega;39316;11;19/07/2018;
Picos Virtuales Realidad Aumentada, S.L.;B-;59.12;Realidad virtual y aumentada;Potes;39570;4;25/02/2021;
Güestia Nube, S.L.;B;6311;Copias de seguridad en la nube;Camargo;39600;n.d.;16/12/2020;
Abra Inventada Electrónica, S.A.;A;2611;Componentes electrónicos;El Astillero;39610;de 50 a 249;14/03/2016;
Tresmares Ficción Consultores, S.L.;B;7022;Consultoría de transformación digital;Santander;39003;16;07/03/2017;
Marisma Logística Digital, S.L.;B;52.29;Trazabilidad logística;Colindres;39750;45;12/09/2019;
Sel de la Vaca Agrotech, S.L.;b;6201;Software para ganadería;Selaya;39696;8;03/06/2022;
Campurriana de Impresión 3D, S.L.;B;2550;Fabricación aditiva;Campoo de Enmedio;39212;19;20/04/2018;
Bahía Soñada Fintech, S.L.;B;6619;Plataforma de pagos;Santander;39002;13;08/11/2021;
Torre del Merino Hosting, S.L.;B;6311;Alojamiento web;Santillana del Mar;39330;3;15/01/2018;
Jándalo E-commerce, S.L.;B;4791;Comercio electrónico de productos cántabros;Santoña;39740;17;29/09/2020;
Verdeagua IoT, S.L.;B;36;Telelectura de contadores de agua;Polanco;39313;21;10/10/2019;
Energía Trasmiera Digital, S.L.;B;3519;Gestión inteligente de la energía;Medio Cudeyo;39724;38;14/03/2016;
Ábrego Formación TIC, S.L.;B;8559;Formación en competencias digitales;Santander;39008;10;06/06/2017;
Montañesa de Certificación Digital, S.A.;A;6202;Firma y certificación electrónica;Santander;39011;26;14/03/2016;
Siete Valles Marketing Digital, S.L.;B!;7311;Publicidad en línea;Suances;39340;9;17/05/2021;
Cabarga Inventos Electrónicos;;2620;Ordenadores embebidos;Villaescusa;39690;n.d.;02/02/2023;
Covadonga Ficticia Inventada;P;6201;Programación por cuenta propia;Comillas;39520;1;23/01/2024;
Universidad Imaginaria del Cantábrico;Q;8543;Enseñanza universitaria;Santander;39005;1.250;14/03/2016;
Centro Tecnológico Ficticio de Componentes Digitales;G;72.19;Investigación aplicada;Santander;39011;de 50 a 249;14/03/2016;
Fundación Anjana para la Sociedad Digital;G-;9499;Promoción de la innovación;Santander;39001;12;28/11/2016;
Agencia Inventada de Desarrollo Regional;S;8413;Promoción económica;Santander;39011;86;14/03/2016;
Ría Ficticia Consultoría Cloud, S.L.;B;62.02;Consultoría de nube;Bilbao;48009;72;04/07/2019;
Meseta Supuesta Ciberdefensa, S.A.;A;6202;Ciberdefensa;Madrid;28020;1.430;30/03/2022;
Sella Imaginario Software, S.L.;B;6201;Software industrial;Gijón;33203;29;11/06/2020;
Molino Virtual Aplicaciones, S.L.;B;6201;Aplicaciones móviles;Santander;39006;15;14/03/2016;31/12/2021
Cierzo Prestado Redes, S.L.;B;6110;Redes inalámbricas;Reinosa;39200;8;20/02/2017;30/06/2024
"""


def tera_csv():
    rows = []
    employees = 0
    for number, line in enumerate(csv.reader(io.StringIO(TERA.strip()), delimiter=";"), start=1):
        name, kind, cnae, activity, town, postal, staff, joined, left = line
        if kind == "P":
            nif = person(number)
        elif kind:
            nif = entity(next(c for c in kind.upper().removeprefix("ES") if c.isalpha()), 17 * number)
            if "!" in kind:
                nif = nif[:-1] + "JABCDEFGHI"[("JABCDEFGHI".index(nif[-1]) + 3) % 10]
            if "-" in kind:
                nif = f"{nif[0]}-{nif[1:]}"
            nif = nif.lower() if kind[0].islower() else nif
            nif = "ES" + nif if kind.startswith("ES") else nif
        else:
            nif = ""
        contact = [f"Contacto Ficticio {number:02d}", f"contacto{number:02d}@ejemplo.invalid", f"942 000 {number:03d}"]
        web = f"https://socio{number:02d}.ejemplo.invalid" if number % 5 else f"www.socio{number:02d}.ejemplo.invalid"
        rows.append([name, nif, cnae, activity, town, postal, *contact, "" if number % 11 == 0 else web, staff, joined, left])
        if staff.replace(".", "").isdigit():
            employees += int(staff.replace(".", ""))
    blank = [""] * len(TERA_HEADER.split(";"))
    total_row = ["TOTAL", *blank[1:10], f"{employees:,}".replace(",", "."), "", ""]
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(TERA_HEADER.split(";"))
    writer.writerows([*rows[:41], blank, *rows[41:], blank, total_row])
    return out.getvalue()


# --------------------------------------------------------------------- all


def write(path, text, encoding="utf-8"):
    (HERE / path).write_bytes(text.encode(encoding))


def main():
    write("eurostat__isoc_r_eb_ain2/isoc_r_eb_ain2.csv", sdmx_csv())
    write("eurostat__isoc_eb_ain2/isoc_eb_ain2.tsv", by_activity())
    write("eurostat__isoc_eb_ai/isoc_eb_ai.tsv", by_size_class())
    for name in INE_TABLES:
        write(f"ine__ai_by_region/{name}.csv", ine_csv(name))
    write("clusters__tera/tera.csv", tera_csv(), "cp1252")


if __name__ == "__main__":
    main()
