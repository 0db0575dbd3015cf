"""Artificial intelligence in enterprises, as Eurostat publishes it: by country and size, by activity, by region."""

import functools

from arithmetic import logit, mean, noise, official_eurostat, percent, share, solve, split
from businesses import (
    ALL,
    DIVISIONS,
    MICRO,
    NATIONAL,
    NATIONAL_SECTORS,
    REGIONAL,
    REGIONAL_SECTORS,
    REGIONS,
    SAME_ACTIVITY,
    SECTIONS,
    SIZE_WEIGHTS,
    SIZES,
    SPAIN,
    UNIONS,
    WEIGHTS,
    children,
    country,
    enterprises,
    same_area,
)

ANY = "E_AI_TANY"
LAST_UPDATE = "11/11/26 11:00:00"
NUTS_YEARS = (2023, 2024, 2025)
NATIONAL_YEARS = (2021, 2023, 2024, 2025)
EUROSTAT = official_eurostat(["eurostat__isoc_r_eb_ain2", "eurostat__isoc_eb_ain2", "eurostat__isoc_eb_ai"])

# Flags of published figures. The regional ones were kept without flags.
PUBLISHED_FLAGS = {("isoc_eb_ai", "FR", "10-49", 2023): "b"}

# Level in 2025 of the countries without a published figure.
LEVEL_2025 = {
    "LT": 16, "LU": 33, "LV": 15, "ME": 10, "MK": 7, "MT": 25, "NL": 30, "NO": 33, "PL": 8.6, "RO": 5.2, "RS": 9,
    "SE": 35, "SI": 27, "SK": 14, "TR": 8,
}  # fmt: skip
GROWTH = {2021: 0.40, 2023: 0.46, 2024: 0.68, 2025: 1.0}
# Countries that did not answer in a year.
SILENT = {("AL", 2023), ("ME", 2021), ("MK", 2021), ("TR", 2021), ("RS", 2021)}
BREAKS = {("FR", 2023), ("TR", 2024), ("NO", 2024), ("RS", 2023)}


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


# --------------------------------------------------------------------- size classes


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


# --------------------------------------------------------------------- what is published how


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
