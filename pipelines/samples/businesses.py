"""The enterprises that the samples speak of: where they are, what they do, how large they are. All made up in detail."""

import functools

from arithmetic import codelist, share

ALL = "C10-S951_X_K"
REGIONS = {row["code"]: row for row in codelist("regions")}

# The areas for which Eurostat has regional ICT tables. Few countries publish below the level of the country.
AREAS = """
AL AT AT1 AT11 AT12 AT13 AT2 AT21 AT22 AT3 AT31 AT32 AT33 AT34 BA BE BE1 BE2 BE3 BG BG3 BG31 BG32 BG33 BG34 BG4 BG41
BG42 CY CZ CZ0 CZ01 CZ02 CZ03 CZ04 CZ05 CZ06 CZ07 CZ08 DE DK DK0 DK01 DK02 DK03 DK04 DK05 EA EE EL ES ES1 ES11 ES12
ES13 ES2 ES21 ES22 ES23 ES24 ES3 ES30 ES4 ES41 ES42 ES43 ES5 ES51 ES52 ES53 ES6 ES61 ES62 ES63 ES64 ES7 ES70 EU27_2020
FI FR HR HR0 HR02 HR03 HR05 HR06 HU HU1 HU11 HU12 HU2 HU21 HU22 HU23 HU3 HU31 HU32 HU33 IE IT LT LT0 LT01 LT02 LU LV
ME MK MT NL NO NO0 NO02 NO06 NO07 NO08 NO09 NO0A PL PL2 PL21 PL22 PL4 PL41 PL42 PL43 PL5 PL51 PL52 PL6 PL61 PL62 PL63
PL7 PL71 PL72 PL8 PL81 PL82 PL84 PL9 PL91 PL92 PT RO RO1 RO11 RO12 RO2 RO21 RO22 RO3 RO31 RO32 RO4 RO41 RO42 RS SE SE1
SE11 SE12 SE2 SE21 SE22 SE23 SE3 SE31 SE32 SE33 SI SI0 SI03 SI04 SK SK0 SK01 SK02 SK03 SK04 TR
""".split()
# In the national tables only: North Macedonia. In no table: CZ0, which is there as a parent.
NATIONAL = [code for code in AREAS if REGIONS[code]["level"] in ("aggregate", "country")]
REGIONAL = [code for code in AREAS if code not in ("MK", "CZ0")]
SPAIN = [code for code in REGIONAL if REGIONS[code]["country"] == "ES"]

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


def country(region):
    return REGIONS[region]["country"] or region


def same_area(region):
    """A NUTS 1 region that is the whole country, or has one NUTS 2 region, has one set of figures with it."""
    if region in ("ES3", "ES7"):
        return region + "0"
    return region[:2] if len(region) == 3 and region.endswith("0") else region


def children(region):
    if len(region) == 2:
        return [code for code in AREAS if REGIONS[code]["country"] == region and REGIONS[code]["level"] == "nuts2"]
    return [code for code in AREAS if REGIONS[code]["parent"] == region]


@functools.cache
def enterprises(region):
    region = same_area(region)
    if region in ENTERPRISES:
        return 1000 * ENTERPRISES[region]
    if REGIONS[region]["level"] == "nuts1" and children(region):
        return sum(enterprises(child) for child in children(region))
    # A made-up part of the country.
    peers = children(country(region)) or [code for code in AREAS if len(code) == 3 and code[:2] == region[:2]]
    sizes = {peer: 0.4 + 1.6 * share("size", peer) ** 2 for peer in peers}
    return 1000 * ENTERPRISES[country(region)] * sizes[region] / sum(sizes.values())


# --------------------------------------------------------------------- activities

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
NATIONAL_SECTORS = """
C C-E C-F C10-C12 C10-C18 C10-S951_X_K C13-C15 C16-C18 C19 C19-C23 C20 C21 C22_C23 C24_C25 C26 C26-C33 C27 C27_C28 C28
C29_C30 C31-C33 D D35 D_E E F G G45 G45-S951_X_K G46 G47 H I I55 ICT J J58-J60 J61 J62_J63 L L68 L_M M M69-M71 M72
M73-M75 N N77-N82_X_N79 N79 S951
""".split()


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


# --------------------------------------------------------------------- size classes

SIZE_WEIGHTS = {"10-49": 0.83, "50-249": 0.14, "GE250": 0.03}
SIZES = ["0-9", "0_1", "10-249", "10-49", "2-9", "50-249", "GE10", "GE250"]
MICRO = ("AL", "BA", "ES", "MK", "PT", "SE")  # who also asks enterprises with fewer than 10
