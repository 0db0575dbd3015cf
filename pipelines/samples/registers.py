"""How many enterprises there are: business demography, structural statistics, INE's directory; and who has coverage.

Counts by division lean on those of INE's directory of 2024 (table 39371); the rest is made up, with sums that agree.
"""

import functools
import json

from arithmetic import codelist, noise, official
from businesses import ENTERPRISES, REGIONS, SPAIN

# Enterprises of Spain by division, 2024.
DIVISIONS = {
    "05": 24, "06": 15, "07": 56, "08": 1370, "09": 60, "10": 23018, "11": 4878, "12": 34, "13": 5762, "14": 7842, "15": 3360,
    "16": 8502, "17": 1387, "18": 12619, "19": 14, "20": 3368, "21": 353, "22": 3639, "23": 6840, "24": 1312, "25": 29403,
    "26": 1926, "27": 1686, "28": 5350, "29": 1505, "30": 876, "31": 9751, "32": 9308, "33": 13534, "35": 11050, "36": 3121,
    "37": 574, "38": 2850, "39": 419, "41": 194132, "42": 8802, "43": 180688, "45": 69086, "46": 181374, "47": 384774,
    "49": 160795, "50": 946, "51": 235, "52": 15762, "53": 27836, "55": 30463, "56": 233543, "58": 10493, "59": 9120, "60": 1242,
    "61": 5911, "62": 38602, "63": 6611, "64": 6121, "65": 876, "66": 69246, "68": 206219, "69": 147313, "70": 26445, "71": 101068,
    "72": 8669, "73": 50074, "74": 66263, "75": 10188, "77": 23215, "78": 6145, "79": 13892, "80": 3050, "81": 52846, "82": 99792,
    "85": 112522, "86": 162070, "87": 4433, "88": 5851, "90": 50415, "91": 4365, "92": 9888, "93": 47767, "94": 53005, "95": 26928,
    "96": 150389,
}  # fmt: skip
SECTORS = [row for row in codelist("sectors") if row["scheme"] == "NACE_R2"]
SECTION = {row["code"]: row["parent"] for row in SECTORS if row["level"] == "division"}
COMMUNITIES = [region for region in SPAIN if REGIONS[region]["level"] == "nuts2"]
# Strata of employees, with the part of the enterprises that is in each, and how many persons work there.
STRATA = {
    "0": (0.52, 1.1), "1-2": (0.278, 2.4), "3-5": (0.102, 4.6), "6-9": (0.044, 8), "10-19": (0.0305, 14), "20-49": (0.0165, 30),
    "50-99": (0.0047, 70), "100-199": (0.0024, 140), "200-249": (0.0005, 225), "250-999": (0.0011, 470), "1000-4999": (0.00026, 1900),
    "GE5000": (0.00004, 11000),
}  # fmt: skip
SIZES = {
    "0_1": ("0",), "2-9": ("1-2", "3-5", "6-9"), "10-19": ("10-19",), "20-49": ("20-49",), "50-249": ("50-99", "100-199", "200-249"),
    "GE250": ("250-999", "1000-4999", "GE5000"),
}  # fmt: skip
SIZES["0-9"] = SIZES["0_1"] + SIZES["2-9"]
SIZES["TOTAL"] = tuple(STRATA)
YEAR = {2018: 0.955, 2019: 0.965, 2020: 0.97, 2021: 0.985, 2022: 1.0, 2023: 0.95, 2024: 0.96, 2025: 0.965}
GROUPS = {
    "B-E": "BCDE", "F": "F", "G": "G", "H": "H", "I": "I", "J": "J", "K_L": "KL", "M_N": "MN", "P_Q": "PQ", "R_S_X_S94": "RS",
}  # fmt: skip
# Until 2020 with division 94, and without holdings, which are not counted here in any case.
OLD_GROUPS = {code: GROUPS[code] for code in GROUPS if code not in ("K_L", "R_S_X_S94")} | {"K_L_X_K642": "KL", "R_S": "RS"}


@functools.cache
def enterprises(region, division, stratum, year):
    """A community's enterprises; Spain's are their sum."""
    if region == "ES":
        return sum(enterprises(code, division, stratum, year) for code in COMMUNITIES)
    part = ENTERPRISES[region] / sum(ENTERPRISES[code] for code in COMMUNITIES)
    # In small regions and of industry the larger strata are as rare as they come.
    around = noise(0.25, "division", region, division) + noise(0.02, "division", region, division, year)
    return round(DIVISIONS[division] * part * STRATA[stratum][0] * YEAR[year] * (1 + around))


def divisions(sector):
    """Divisions of a section, a group of sections, a division, or of the business economy."""
    if sector in DIVISIONS:
        return [sector]
    if sector == "B-S_X_O_S94":
        return [division for division in DIVISIONS if division != "94"]
    if sector == "B-S_X_K642":
        return list(DIVISIONS)
    found = [division for division in DIVISIONS if SECTION[division] in (GROUPS | OLD_GROUPS).get(sector, sector)]
    return [division for division in found if sector != "R_S_X_S94" or division != "94"]


def count(region, sector, strata, year, persons=False):
    return sum(
        enterprises(region, division, stratum, year) * (STRATA[stratum][1] if persons else 1)
        for division in divisions(sector)
        for stratum in strata
    )


def tsv(dimensions, years, rows):
    """Rows of (codes, function of the year)."""
    lines = [f"{dimensions}\\TIME_PERIOD\t" + "\t".join(f"{year} " for year in years)]
    lines += sorted(",".join(codes) + "\t" + "\t".join(f"{cell(year)} " for year in years) for codes, cell in rows)
    return "\n".join(lines) + "\n"


def counted(region, sector, size, persons=False):
    return lambda year: round(count(region, sector, SIZES[size], year, persons))


YEARS = (2021, 2022, 2023)
INDICATORS = {"ENT_NR": False, "EMP_NR": True}
EXTRA = {"0": ("0",), "1-9": SIZES["2-9"], "GE10": tuple(s for size in ("10-19", "20-49", "50-249", "GE250") for s in SIZES[size])}
SIZES |= EXTRA


def demography_by_size():
    """With Cantabria as a province, too, and a province of another country, which is left out."""
    rows = [
        (("A", indicator, size, "B-S_X_O_S94", region), counted("ES13" if region == "ES130" else region, "B-S_X_O_S94", size, persons))
        for indicator, persons in INDICATORS.items()
        for size in ("TOTAL", *EXTRA)
        for region in ["ES", *COMMUNITIES, "ES130"]
    ]
    rows.append((("A", "ENT_NR", "TOTAL", "B-S_X_O_S94", "PT170"), lambda year: 341000))
    rows.append((("A", "ENT_BRTHR_PC", "TOTAL", "B-S_X_O_S94", "ES13"), lambda year: f"{7.4 + noise(0.3, 'births', year):.2f}"))
    return tsv("freq,indic_sbs,sizeclas,nace_r2,geo", YEARS, rows)


def demography_by_activity():
    rows = [
        (("A", indicator, sector, region), counted(region, sector, "TOTAL", persons))
        for indicator, persons in INDICATORS.items()
        for sector in ["B-S_X_O_S94", *GROUPS]
        for region in ["ES", *COMMUNITIES]
        if not persons or region in ("ES", "ES13")
    ]
    return tsv("freq,indic_sbs,nace_r2,geo", YEARS, rows)


def code(sector):
    """A division as Eurostat writes it, with its section."""
    return f"{SECTION[sector]}{sector}" if sector in DIVISIONS else sector


LOCAL = [sector for sector in "BCDEFGHIJKLMNPQR"] + [d for d in DIVISIONS if d not in ("94",) and SECTION[d] in "CDEFJM"]


def structure_by_region():
    """Local units: a little more than enterprises, and where the work is."""
    rows = []
    for region in ("ES", "ES12", "ES13", "ES21"):
        for sector in LOCAL:
            rows.append((("A", "LOC_NR", code(sector), region), lambda y, r=region, s=sector: round(1.09 * count(r, s, STRATA, y))))
            if region in ("ES", "ES13"):
                rows.append(
                    (("A", "EMP_LOC_NR", code(sector), region), lambda y, r=region, s=sector: round(count(r, s, STRATA, y, True)))
                )
    return tsv("freq,indic_sbs,nace_r2,geo", YEARS, rows)


def structure_by_size():
    rows = []
    for sector in LOCAL:
        for size in ("0-9", "0_1", "2-9", "10-19", "20-49", "50-249", "GE250", "TOTAL"):
            rows.append((("A", "ENT_NR", code(sector), size, "ES"), counted("ES", sector, size)))
            if sector not in DIVISIONS:
                rows.append((("A", "EMP_NR", code(sector), size, "ES"), counted("ES", sector, size, True)))
    rows.append((("A", "ENT_NR", "C101", "TOTAL", "ES"), lambda year: 3900))  # a group, which is left out
    return tsv("freq,indic_sbs,nace_r2,size_emp,geo", YEARS, rows)


# --------------------------------------------------------------------- until 2020, under codes of their own

OLD_YEARS = (2018, 2019, 2020)
OLD_INDICATORS = {"V11910": False, "V16910": True}


def old_demography_by_size():
    """With a French region of NUTS 2013 and a province of another country, which are left out."""
    rows = [
        (("A", indicator, size, "B-S_X_K642", region), counted("ES13" if region == "ES130" else region, "B-S_X_K642", size, persons))
        for indicator, persons in OLD_INDICATORS.items()
        for size in ("TOTAL", *EXTRA)
        for region in ["ES", "ES12", "ES13", "ES21", "ES130"]
    ]
    rows.append((("A", "V11910", "TOTAL", "B-S_X_K642", "FR62"), lambda year: 241000))
    rows.append((("A", "V11910", "TOTAL", "B-S_X_K642", "PT170"), lambda year: 338000))
    rows.append((("A", "V97020", "TOTAL", "B-S_X_K642", "ES13"), lambda year: f"{7.9 + noise(0.3, 'births', year):.2f}"))
    return tsv("freq,indic_sb,sizeclas,nace_r2,geo", OLD_YEARS, rows)


def old_demography_by_activity():
    rows = [
        (("A", indicator, sector, region), counted(region, sector, "TOTAL", persons))
        for indicator, persons in OLD_INDICATORS.items()
        for sector in ["B-S_X_K642", *OLD_GROUPS]
        for region in ["ES", *COMMUNITIES]
        if not persons or region in ("ES", "ES13")
    ]
    return tsv("freq,indic_sb,nace_r2,geo", OLD_YEARS, rows)


OLD_LOCAL = [sector for sector in "BCDEFGHIJLMN"] + [d for d in DIVISIONS if SECTION[d] in "CDEFJM"]


def old_structure_by_region():
    """The survey's sections only; with a group of retail trade and a region of NUTS 2010, which are left out."""
    rows = []
    for region in ("ES", "ES12", "ES13", "ES21"):
        for sector in OLD_LOCAL:
            rows.append(
                (("A", code(sector), "V11210", region), lambda y, r=region, s=sector: round(1.09 * count(r, s, STRATA, y)))
            )
            if region in ("ES", "ES13"):
                rows.append(
                    (("A", code(sector), "V16110", region), lambda y, r=region, s=sector: round(count(r, s, STRATA, y, True)))
                )
    rows.append((("A", "G471", "V11210", "ES13"), lambda year: 1240))
    rows.append((("A", "C", "V11210", "ITD5"), lambda year: 48000))
    return tsv("freq,nace_r2,indic_sb,geo", OLD_YEARS, rows)


# --------------------------------------------------------------------- INE's directory

LABELS = {
    "Total ": tuple(STRATA), "Without employees ": ("0",), "From 1 to 2 employees ": ("1-2",), "From 3 to 5 employees ": ("3-5",),
    "From 6 to 9 employees ": ("6-9",), "From 10 to 19": ("10-19",), "From 20 to 49": ("20-49",), "From 50 to 99 ": ("50-99",),
    "From 100 to 199": ("100-199",), "From 200 to 249": ("200-249",), "From 250 to 999": ("250-999",),
    "From 1000 to 4999": ("1000-4999",), "From 5000 or more": ("GE5000",),
}  # fmt: skip
DIRECTORY_YEARS = (2023, 2022)
DIRECTORY = {"National Total": "ES", "Asturias, Principado de": "ES12", "Cantabria": "ES13", "País Vasco": "ES21"}
LISTED = [division for division in DIVISIONS if SECTION[division] in "CDEFJ"]
PUBLISHED = official("ine__directory_by_region")


def size_class(label):
    strata = LABELS[label]
    return "TOTAL" if len(strata) > 1 else f"EMPL_{strata[0]}"


def dotted(number):
    return f"{number:,}".replace(",", ".")


def directory_known(sector, label, region, year):
    return PUBLISHED.get(("49254", "ENT_NR", region, sector, size_class(label), "NR", year))


@functools.cache
def directory_scale(region, year):
    """What the strata without a published figure are to be multiplied by, so that all add up to the published total."""
    whole = directory_known("DIRCE_TOTAL", "Total ", region, year)
    if whole is None:
        return 1
    strata = [label for label in LABELS if label != "Total "]
    known = {label: directory_known("DIRCE_TOTAL", label, region, year) for label in strata}
    rest = [stratum for label in strata if known[label] is None for stratum in LABELS[label]]
    made_up = sum(enterprises(region, division, stratum, year) for division in DIVISIONS for stratum in rest)
    return (whole - sum(value for value in known.values() if value is not None)) / made_up


def directory_number(region, division, label, year):
    known = directory_known(division or "DIRCE_TOTAL", label, region, year)
    if known is not None:
        return int(known)
    listed = [division] if division else list(DIVISIONS)
    number = sum(enterprises(region, part, stratum, year) for part in listed for stratum in LABELS[label])
    return round(number * (1 if division else directory_scale(region, year)))


def directory_cell(region, division, label, year):
    return dotted(directory_number(region, division, label, year))


def directory():
    names = {row["code"]: row["label_en"] for row in SECTORS}
    blank = ";" * len(DIRECTORY_YEARS)
    lines = [
        "Statistical Use of the Central Business Directory",
        "Enterprise structure",
        "Companies by Autonomous Community, main activity (CNAE 2009 groups) and wage earner stratum.",
        "Unidades: Empresas",
        "",
        ";" + "".join(label + blank for label in LABELS),
        ";" + "".join(f"{year};" for _ in LABELS for year in DIRECTORY_YEARS),
    ]
    for label, region in DIRECTORY.items():
        lines.append(f"{label};")
        rows = [("CNAE total ", None), *((f"{division} {names[division]}".replace(";", ","), division) for division in LISTED)]
        for row, division in rows:
            cells = [directory_cell(region, division, stratum, year) for stratum in LABELS for year in DIRECTORY_YEARS]
            lines.append(f"{row};" + "".join(f"{cell};" for cell in cells))
            if division == "10" and region == "ES":  # a group, which is left out
                lines.append("101 Processing and preserving of meat;" + "".join("0;" for _ in cells))
    return "\n".join(lines) + "\n"


# The same directory as series of INE's API. Codes, and the names and codes of the activity's variables, are made up: no reply
# was at hand that has them.
SERIES_YEARS = (2025, 2024, 2023)
SERIES_LISTED = [division for division in DIVISIONS if SECTION[division] in "CDEFGHIJLMN"]
STRATUM_NAMES = {
    "Total ": "Total", "Without employees ": "Sin asalariados", "From 1 to 2 employees ": "De 1 a 2",
    "From 3 to 5 employees ": "De 3 a 5", "From 6 to 9 employees ": "De 6 a 9", "From 10 to 19": "De 10 a 19",
    "From 20 to 49": "De 20 a 49", "From 50 to 99 ": "De 50 a 99", "From 100 to 199": "De 100 a 199",
    "From 200 to 249": "De 200 a 249", "From 250 to 999": "De 250 a 999", "From 1000 to 4999": "De 1000 a 4999",
    "From 5000 or more": "De 5000 o más asalariados",
}  # fmt: skip


def directory_series():
    """`DATOS_TABLA` with `tip=AM`: a name of the nation has a part more, and the activity's number stands in names only."""
    titles = {row["code"]: row["label_es"] for row in SECTORS}
    series = []
    for region, place in (("ES", "Total Nacional"), ("ES13", "Cantabria")):
        for division in (None, *SERIES_LISTED):
            activity = f"{division} {titles[division]}" if division else "Total grupos CNAE93"
            for label, stratum in STRATUM_NAMES.items():
                parts = ["Nacional", stratum, "Total", activity] if region == "ES" else [place, stratum, activity]
                metadata = [
                    ("Total Nacional", place, "00") if region == "ES" else ("Comunidades y Ciudades Autónomas", place, "06"),
                    ("Estrato de asalariados", stratum, ""),
                    ("Grupos CNAE 2009", titles[division], f"{division}X") if division else ("Totales CNAE", activity, "AAA"),
                ]
                data = [
                    {
                        "Fecha": f"{year}-01-01T00:00:00.000+01:00", "T3_TipoDato": "Definitivo", "T3_Periodo": "A", "Anyo": year,
                        "Valor": float(directory_number(region, division, label, year)), "Secreto": False,
                    }
                    for year in SERIES_YEARS
                ]  # fmt: skip
                series.append({
                    "COD": f"DIR{len(series) + 1}", "Nombre": ". ".join(parts) + ".", "T3_Unidad": "Empresas", "T3_Escala": " ",
                    "MetaData": [
                        {"Id": place, "T3_Variable": variable, "Nombre": name, "Codigo": code}
                        for place, (variable, name, code) in enumerate(metadata, 1)
                    ],
                    "Data": data,
                })  # fmt: skip
    return "[" + "\n,".join(json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in series) + "]\n"


# --------------------------------------------------------------------- coverage of networks

# Percentage of households of Spain in the first and the last year, and how far the others are from it.
COVERAGE = {
    "5G": (58.9, 95.9), "5G_GHZ3P4-3P8": (15, 72), "FTTP": (88.9, 95.5), "VHCN_FX": (93.8, 96.4), "NGA": (94.8, 97.1), "LTE": (99.9, 99.9),
    "DSL": (77, 30), "SATL": (100, 100),
}  # fmt: skip
SPEEDS = {"MBPS_GT30": (94.5, 97), "MBPS_GT100": (91, 96.5), "GBPS_GT1": (86, 94.5), "MBPS_GT2": (99.5, 99.6)}
COVERAGE_YEARS = (2021, 2022, 2023, 2024)
DISTANCE = {"ES": 0, "EU27_2020": -9, "DE": -12, "FR": -6, "IT": -10, "PT": 1}


def covered(what, region, rural):
    first, last = {**COVERAGE, **SPEEDS}[what]

    def cell(year):
        whole = first + (last - first) * (year - 2021) / 3
        room = min(whole, 100 - whole) / 10
        low = DISTANCE[region] * room * 0.35 + noise(0.5, what, region, year) * min(room, 1) - (4 * room if rural else 0)
        return f"{min(max(whole + low, 0), 100):.1f}"

    return cell


def coverage_by_technology():
    rows = [
        (("A", what, place, "PC_HH", region), covered(what, region, place == "DEG3"))
        for what in COVERAGE
        for place in ("TOTAL", "DEG3")
        for region in DISTANCE
    ]
    return tsv("freq,inet_tec,terrtypo,unit,geo", COVERAGE_YEARS, rows)


def coverage_by_speed():
    rows = [(("A", what, "TOTAL", "PC_HH", region), covered(what, region, False)) for what in SPEEDS for region in DISTANCE]
    return tsv("freq,inet_spd,terrtypo,unit,geo", COVERAGE_YEARS, rows)


def payloads():
    """{path: text} of all tables."""
    return {
        "eurostat__bd_size_r/bd_size_r.tsv": demography_by_size(),
        "eurostat__bd_hgnace_r/bd_hgnace_r.tsv": demography_by_activity(),
        "eurostat__sbs_r_nuts2021/sbs_r_nuts2021.tsv": structure_by_region(),
        "eurostat__bd_size_r3/bd_size_r3.tsv": old_demography_by_size(),
        "eurostat__bd_hgnace2_r3/bd_hgnace2_r3.tsv": old_demography_by_activity(),
        "eurostat__sbs_r_nuts06_r2/sbs_r_nuts06_r2.tsv": old_structure_by_region(),
        "eurostat__sbs_sc_ovw/sbs_sc_ovw.tsv": structure_by_size(),
        "eurostat__isoc_cbt/isoc_cbt.tsv": coverage_by_technology(),
        "eurostat__isoc_cbs/isoc_cbs.tsv": coverage_by_speed(),
        "ine__directory_by_region/49254.csv": directory(),
        "ine__directory_tempus/39372.json": directory_series(),
    }
