"""The other Eurostat tables of the survey on ICT in enterprises: by region, by activity, by size.

An indicator is either a share of all enterprises or a share of those that its parent counts. Regions, activities and
size classes scatter around the whole, and their weighted means agree with it.
"""

import functools

from arithmetic import logit, mean, noise, official_eurostat, percent, share, split
from businesses import (
    ALL,
    DIVISIONS,
    REGIONS,
    SAME_ACTIVITY,
    SECTIONS,
    SIZE_WEIGHTS,
    UNIONS,
    WEIGHTS,
    children,
    country,
    enterprises,
    same_area,
)
from survey_tables import ASKED, DERIVED, INDICATORS, TABLES, UNIVERSES

EUROSTAT = official_eurostat([f"eurostat__{name}" for name in TABLES])
PUBLISHED_FLAGS = {("E_CC", "FR", 2023): "b", ("E_ITSP2", "FR", 2022): "b", ("E_CC1_S", "FR", 2023): "b"}
BREAKS = {("FR", 2023), ("TR", 2024), ("NO", 2024)}
# Years in which few countries asked.
FEW = {("E_CC", 2024): ("ES", "HR", "HU"), ("E_DA", 2024): ("ES",)}

# How far countries, and regions of Spain, are from Spain where no figure is known: on the logit scale.
MATURITY = {
    "AT": 0.1, "BG": -0.5, "DE": 0.1, "DK": 0.5, "ES": 0, "EU27_2020": 0.08, "FR": -0.05, "HR": -0.1, "HU": -0.15, "IT": 0.05,
    "LT": 0, "PT": -0.05, "RO": -0.6, "SI": 0.05, "SK": -0.2,
}  # fmt: skip
LEAN = {
    "ES11": -0.15, "ES12": -0.2, "ES13": -0.3, "ES21": 0.1, "ES22": -0.05, "ES23": -0.2, "ES24": -0.1, "ES30": 0.35, "ES41": -0.2,
    "ES42": -0.3, "ES43": -0.4, "ES51": 0.2, "ES52": -0.05, "ES53": -0.2, "ES61": -0.15, "ES62": -0.15, "ES63": -0.6, "ES64": -0.7,
    "ES70": -0.2,
}  # fmt: skip
# Distance of the activities from the whole. Where technology decides, it is that of artificial intelligence.
PROFILES = {
    "digital": {code: shift for code, (_, shift) in SECTIONS.items()},
    "commerce": {"C": -0.2, "D_E": -0.9, "F": -1.6, "G": 0.35, "H": -0.3, "I": 0.9, "J": 0.3, "L_M": -0.7, "N": -0.2, "S951": 0.4},
    "industry": {"C": 0.7, "D_E": 0.4, "F": -0.6, "G": 0.0, "H": 0.2, "I": -0.7, "J": 0.3, "L_M": -0.2, "N": -0.3, "S951": 0.1},
}  # fmt: skip


def published(indicator, region, year, sector=ALL, size="GE10", unit="PC_ENT"):
    return EUROSTAT.get((indicator, region, sector, size, unit, year))


def native(indicator):
    """The unit of the indicator's own universe."""
    return {"P_IUSE": "PC_EMP", "E_AWSVAL": "PC_TURN", "E_ETURN": "PC_TURN"}.get(indicator, "PC_ENT")


def parent(indicator):
    return INDICATORS[indicator].get("of")


def level(indicator, year):
    """Spain's share in a year, of the parent if there is one: straight lines between the years given."""
    known = sorted(INDICATORS[indicator]["spain"].items())
    if year <= known[0][0]:
        return known[0][1]
    for (before, low), (after, high) in zip(known, known[1:], strict=False):
        if year <= after:
            return low + (high - low) * (year - before) / (after - before)
    return known[-1][1]


def answered(indicator, region, year):
    """Whether a country asked this in that year: one whose figures are known did so where there is a figure."""
    if region not in FEW.get((indicator, year), (region,)):
        return False
    known = [key for key in EUROSTAT if key[0] == indicator and key[1:4] == (region, ALL, "GE10") and key[4] == "PC_ENT"]
    return not known or any(key[5] == year for key in known)


def within(whole, weights, shifts):
    """Shares of the parts whose weighted mean is the whole."""
    return split(whole, {code: (weights[code], shift) for code, shift in shifts.items()})


@functools.cache
def total(indicator, region, year):
    """All activities, 10 and more persons; none where the source has no figure."""
    region = same_area(region)
    known = published(indicator, region, year, unit=native(indicator))
    if known is not None:
        return known
    if indicator in DERIVED:
        return derived(indicator, lambda code: total(code, region, year))
    above = parent(indicator)
    base = total(above, region, year) if above else 100
    if base is None:
        return None
    where = REGIONS[region]["level"]
    if where == "nuts1":
        inside = children(region)
        values = {code: total(indicator, code, year) for code in inside}
        return None if None in values.values() else mean(values, {code: enterprises(code) for code in inside})
    if where == "nuts2":
        nation = country(region)
        whole, nation_base = total(indicator, nation, year), total(above, nation, year) if above else 100
        if whole is None:
            return None
        weights, shifts = {}, {}
        for code in children(nation):
            weights[code] = enterprises(code) * (total(above, code, year) if above else 100)
            lean = LEAN.get(code, noise(0.25, "lean", code))
            shifts[code] = lean * (0.3 if above else 1) + noise(0.1, indicator, code) + noise(0.04, indicator, code, year)
        return base * within(100 * whole / nation_base, weights, shifts)[region] / 100
    if not answered(indicator, region, year):
        return None
    around = MATURITY[region] * (0.4 if above else 1)
    if region != "ES":
        around += noise(0.12, indicator, region) + noise(0.03, indicator, region, year)
    return base * percent(logit(level(indicator, year)) + around) / 100


def derived(indicator, rate):
    """An indicator that follows from others: the sum of some of them times a factor."""
    parts = [(factor, 100 if code is None else rate(code)) for code, factor in DERIVED[indicator].items()]
    return None if any(value is None for _, value in parts) else sum(factor * value for factor, value in parts)


@functools.cache
def activities(indicator, region, year):
    """All activities of a region in a year."""
    if indicator in DERIVED:
        return {code: derived(indicator, lambda part: activities(part, region, year)[code]) for code in WEIGHTS}
    spec = INDICATORS[indicator]
    above = parent(indicator)
    bases = activities(above, region, year) if above else dict.fromkeys(WEIGHTS, 100)
    wide = 0.2 if REGIONS[region]["level"].startswith("nuts") else 0.1
    force = spec.get("force", 0.6) * (0.25 if above else 1)
    lean = PROFILES[spec.get("profile", "digital")]

    def shifted(distances):
        return {
            code: distance * force + noise(wide, indicator, region, code) + noise(wide / 2.5, indicator, region, code, year)
            for code, distance in distances.items()
        }

    def weights(codes):
        return {code: WEIGHTS[code] * bases[code] for code in codes}

    shares = {ALL: 100 * total(indicator, region, year) / total(above, region, year) if above else total(indicator, region, year)}
    shares.update(within(shares[ALL], weights(lean), shifted(lean)))
    for whole, parts in DIVISIONS.items():
        distances = {code: distance for code, (_, distance) in parts.items()}
        shares.update(within(shares[whole], weights(parts), shifted(distances)))
    values = {code: bases[code] * value / 100 for code, value in shares.items()}
    for code, parts in UNIONS.items():
        values[code] = mean(values, {part: WEIGHTS[part] for part in parts})
    for code, other in SAME_ACTIVITY.items():
        values[code] = values[other]
    return values


@functools.cache
def sizes(indicator, region, year):
    """All size classes of a country in a year."""
    if indicator in DERIVED:
        every = [*SIZE_WEIGHTS, "GE10", "10-249", "2-9", "0_1", "0-9"]
        return {size: derived(indicator, lambda part: sizes(part, region, year)[size]) for size in every}
    above = parent(indicator)
    bases = sizes(above, region, year) if above else dict.fromkeys([*SIZE_WEIGHTS, "GE10", "2-9", "0_1"], 100)
    step = INDICATORS[indicator].get("size", 0.7) * (0.3 if above else 1)
    weights = {size: SIZE_WEIGHTS[size] * bases[size] for size in SIZE_WEIGHTS}
    whole = total(indicator, region, year)
    share_of_base = 100 * whole / bases["GE10"]
    shifts = {size: step * rank + noise(0.05, indicator, region, size, year) for rank, size in enumerate(SIZE_WEIGHTS)}
    shares = within(share_of_base, weights, shifts)
    # Smaller ones than the survey's universe lie as far below the small ones as those below the medium ones.
    shares["2-9"] = percent(logit(shares["10-49"]) - step + noise(0.05, indicator, region, "2-9", year))
    shares["0_1"] = percent(logit(shares["2-9"]) - step / 2)
    values = {"GE10": whole} | {size: bases[size] * value / 100 for size, value in shares.items()}
    known = published(indicator, region, year, size="0-9", unit=native(indicator))
    if known is not None:
        values |= split(known, {"2-9": (0.6, 0), "0_1": (0.4, -step / 2)})
    values["10-249"] = mean(values, {"10-49": SIZE_WEIGHTS["10-49"], "50-249": SIZE_WEIGHTS["50-249"]})
    values["0-9"] = mean(values, {"2-9": 0.6, "0_1": 0.4})
    return values


def rate(indicator, region, sector, size, year):
    if total(indicator, region, year) is None:
        return None
    region = same_area(region)
    if size != "GE10":
        return sizes(indicator, region, year)[size]
    return activities(indicator, region, year)[sector]


def value(indicator, region, sector, size, unit, year):
    """One cell, unrounded; none where there is no figure."""
    known = published(indicator, region, year, sector, size, unit)
    if known is not None:
        return known
    whole = rate(indicator, region, sector, size, year)
    if whole is None or unit == native(indicator):
        return whole
    universe = rate(UNIVERSES[unit], region, sector, size, year)
    return None if not universe else min(100 * whole / universe, 100)


def cell(indicator, region, sector, size, unit, year):
    """One cell as Eurostat's TSV prints it."""
    number = value(indicator, region, sector, size, unit, year)
    if number is None:
        return ": "
    if published(indicator, region, year, sector, size, unit) is not None:
        return f"{number:.2f} {PUBLISHED_FLAGS.get((indicator, region, year), '')}"
    area = same_area(region)
    asked = enterprises(area) * WEIGHTS[sector] * SIZE_WEIGHTS.get(size, 1.0)
    flags = "b" if (country(region), year) in BREAKS else ""
    if sector != ALL and asked < 45:
        return ": " if share("absent", area, sector) < 0.35 else ":C"
    if asked < 125 or asked * number / 100 < 6:
        flags += "u"
    return f"{number:.2f} {flags}"


def asked(indicator, years):
    begins = [code for code in ASKED if indicator.startswith(code)]
    return ASKED[max(begins, key=len)] if begins else years


def tsv(name):
    years, series = TABLES[name]["years"], TABLES[name]["series"]
    lines = ["freq,size_emp,nace_r2,indic_is,unit,geo\\TIME_PERIOD\t" + "\t".join(f"{year} " for year in years)]
    for size, sector, indicator, unit, region in sorted(set(series)):
        when = asked(indicator, years)
        cells = [cell(indicator, region, sector, size, unit, year) if year in when else ": " for year in years]
        if any(text != ": " for text in cells):
            lines.append(f"A,{size},{sector},{indicator},{unit},{region}\t" + "\t".join(cells))
    return "\n".join(lines) + "\n"
