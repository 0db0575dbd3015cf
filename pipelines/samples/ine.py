"""INE's survey on ICT in enterprises. Each wave is a table of its own, with its own letters, headings and wording."""

import functools

from arithmetic import logit, noise, official, percent, split
from businesses import enterprises
from intelligence import ANY, total

INE = official("ine__ai_by_region")
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
