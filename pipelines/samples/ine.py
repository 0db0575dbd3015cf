"""INE's survey on ICT in enterprises. Each wave is a table of its own, with its own letters, headings and wording."""

import functools

import intelligence
import surveys
from arithmetic import logit, noise, official, percent, split
from businesses import enterprises
from intelligence import ANY

PIPELINES = ["ine__ai_by_region", "ine__ai_by_size", "ine__ai_micro", "ine__ai_micro_point", "ine__cloud_by_region",
             "ine__computers_by_region", "ine__computers_by_region_2019", "ine__robots_by_region", "ine__specialists_by_region"]  # fmt: skip
# Without the table: no two tables of a year have the same cell.
INE = {key[1:]: value for name in PIPELINES for key, value in official(name).items()}
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
CLOUD, ROBOTS, SPECIALISTS, STAFF, COMPUTERS = "E_CC", "E_RBT", "E_ITSP2", "P_CUSE", "computers"
BY_REGION = "Autonomous Communities and Cities;Main variables;Activity grouping;Total"
BY_REGION_2018 = "Autonomous communities and cities;Main variables;Economic activity cluster;Total"
AI_2023 = {
    ANY: "G.1 % of enterprises using Artificial Intelligence (AI) technologies (1)",
    "E_AI_TTM": "G.1.A % of enterprises with AI technology for written language analysis (2)",
    "E_AI_TSR": "G.1.B % of enterprises with AI technology that converts spoken language into machine-readable format (2)",
    "E_AI_TNLG": "G.1.C % of enterprises with AI technology that generates written or spoken language (2)",
}
AI_2025 = {
    ANY: "E.1 % of companies that use technologies of Artificial Intelligence (AI) (1)",
    "E_AI_TTM": "E.1.A % of companies with AI technology of written language analysis (2)",
    "E_AI_TSR": "E.1.B % of companies with AI technology that converts spoken language into machine-readable form (2)",
    "E_AI_TNLG": "E.1.C % of companies with AI technology that generates written language or spoken, or programming codes (2)",
}
# By region and activity: pipeline, table, year of the first quarter, header, questions.
REGIONAL_TABLES = [
    (
        "ine__ai_by_region", "76405", 2025,
        "Autonomous Communities and autonomous cities;Main variables;Activity grouping;Total", AI_2025,
    ),
    ("ine__ai_by_region", "71040", 2024, BY_REGION, AI_2023),
    ("ine__ai_by_region", "59913", 2023, BY_REGION, AI_2023),
    (
        "ine__cloud_by_region", "76404", 2025,
        "Autonomous Communities and autonomous cities;Main variables;Activity grouping;Total",
        {
            CLOUD: "D.1 % of companies that use cloud computing services from payment (1)",
            "E_CC_PEM": "D.2.A % of companies that use the following cloud computing service: Email (2)",
            "E_CC_PSOFT": "D.2.B % of companies that use the following cloud computing service: Office automation software (2)",
            "E_CC_PFACC": "D.2.C % of companies that use the following cloud computing service: Computer applications financial or "
            "accountants (2)",
        },
    ),
    (
        "ine__cloud_by_region", "28840", 2018, BY_REGION_2018,
        {
            CLOUD: "F.1 % of enterprises that purchase cloud computing services used via the Internet (1)",
            "E_CC_PEM": "F.2.A % of enterprises that purchase email services (2)",
            "E_CC_PSOFT": "F.2.B % of enterprises that purchase office automation software services (2)",
            "E_CC_PDB": "F.2.C % of enterprises that purchase server of company databases (2) services (2)",
        },
    ),
    (
        "ine__robots_by_region", "28842", 2018, BY_REGION_2018,
        {
            ROBOTS: "H.1 % enterprises that use some type of robot",
            "E_RBTI": "H.1.A % of enterprises that use industrial robots (1)",
            "E_RBTS": "H.1.B % of enterprises that use service robots (1)",
        },
    ),
    (
        "ine__computers_by_region", "59905", 2023, BY_REGION,
        {
            COMPUTERS: "B.1 % of enterprises that have computers (0)",
            STAFF: "B.2 % Staff that use computers for corporate purposes as a proportion of total staff",
        },
    ),
    (
        "ine__computers_by_region", "28833", 2018, BY_REGION_2018,
        {
            COMPUTERS: "B.1 % of enterprises that have computers",
            STAFF: "B.1.1 % Staff that use computers for corporate purposes",
        },
    ),
]  # fmt: skip
# Not a code: the pipeline leaves the question out, so that official.csv cannot have it.
HAVE_COMPUTERS = {
    2023: {"INE_TOTAL": 99.5, "C-E": 99.49, "F": 99.63, "INE_SERVICES": 99.48},
    2019: {"INE_TOTAL": 99.26, "C-E": 98.76, "F": 100.0, "INE_SERVICES": 99.3},
    2018: {"INE_TOTAL": 99.22, "C-E": 98.87, "F": 99.34, "INE_SERVICES": 99.35},
}
AI_YEARS = (2023, 2024, 2025)


def root(indicator):
    """The indicator that counts the universe of the questions below it."""
    return next(code for code in (ANY, CLOUD, ROBOTS, SPECIALISTS, STAFF, COMPUTERS) if indicator.startswith(code.removesuffix("_TANY")))


def unit(indicator, year):
    if indicator != root(indicator):
        return {ANY: "PC_ENT_AI_TANY", CLOUD: "PC_ENT_CC", ROBOTS: "PC_ENT_RBT"}[root(indicator)]
    if indicator == STAFF:
        return "PC_EMP"
    # In 2018 services in the cloud were asked of enterprises with internet.
    return "PC_ENT_IACC" if (indicator, year) == (CLOUD, 2018) else "PC_ENT"


def published(indicator, region, sector, year, size="GE10"):
    if indicator == COMPUTERS:
        return HAVE_COMPUTERS[year][sector] if region == "ES" else None
    return INE.get((indicator, region, sector, size, unit(indicator, year), year))


EUROSTAT_SECTOR = {"C-E": "C-E", "F": "F", "INE_SERVICES": "G45-S951_X_K"}
PARTS = {sector: weight for _, sector, weight in INE_ACTIVITIES if sector != "INE_TOTAL"}


def base(indicator, region, year):
    """Weights of the activities in the indicator's universe: enterprises, or those of them that use the technology."""
    above = root(indicator)
    return {code: weight * (1 if indicator == above else value(above, region, code, year)) for code, weight in PARTS.items()}


@functools.cache
def national(indicator, sector, year):
    known = published(indicator, "ES", sector, year)
    if known is not None:
        return known
    whole = published(indicator, "ES", "INE_TOTAL", year)
    weights = base(indicator, "ES", year)
    others = {code: published(indicator, "ES", code, year) for code in weights if code != sector}
    if None not in others.values():
        rest = whole * sum(weights.values()) - sum(weights[code] * rate for code, rate in others.items())
        return rest / weights[sector]

    def apart(code):
        """How far the sector is from the total where both are published."""
        rates = [(published(indicator, "ES", code, y), published(indicator, "ES", "INE_TOTAL", y)) for y in AI_YEARS]
        rates = [logit(part) - logit(total) for part, total in rates if part]
        return sum(rates) / len(rates)

    return split(whole, {code: (weight, apart(code)) for code, weight in weights.items()})[sector]


def eurostat(indicator, region, year):
    if indicator == ANY:
        return intelligence.total(region, year)
    return surveys.total(indicator, region, year)


@functools.cache
def value(indicator, region, sector, year):
    known = published(indicator, region, sector, year)
    if known is not None:
        return known
    if region == "ES":
        return national(indicator, sector, year)
    whole = published(indicator, region, "INE_TOTAL", year)
    if whole is None and indicator in (ANY, CLOUD, SPECIALISTS):
        # Eurostat's figure for the region, moved to INE's universe.
        whole = eurostat(indicator, region, year) * national(indicator, "INE_TOTAL", year) / eurostat(indicator, "ES", year)
        key = () if indicator == ANY else (indicator,)
        whole *= 1 + noise(0.02, "ine", *key, region, year)
    elif whole is None:
        whole = percent(logit(national(indicator, "INE_TOTAL", year)) + noise(0.15, "ine", indicator, region, year))
    if sector == "INE_TOTAL":
        return whole
    parts = {}
    for code, weight in base(indicator, region, year).items():
        if indicator in (CLOUD, SPECIALISTS):
            # As far from the nation as in Eurostat's tables.
            here, there = (surveys.activities(indicator, area, year)[EUROSTAT_SECTOR[code]] for area in (region, "ES"))
            around = logit(here) - logit(there) + noise(0.03, "ine", indicator, region, code, year)
        else:
            around = noise(0.15, "ine", indicator, region, code) + noise(0.06, "ine", indicator, region, code, year)
        parts[code] = (weight, logit(national(indicator, code, year)) + around)
    return split(whole, parts)[sector]


def printed(number, mark=","):
    return f"{number:.2f}".rstrip("0").rstrip(".").replace(".", mark)


def text(indicator, region, sector, weight, year):
    if region != "ES" and published(indicator, region, sector, year) is None:
        above = root(indicator)
        asked = enterprises(region) * weight
        users = asked * value(above, region, sector, year) / 100
        # Robots in construction are too rare to be published for a region.
        if asked < 40 or (indicator != above and users < 25) or (above == ROBOTS and sector == "F"):
            return ".."
    return printed(value(indicator, region, sector, year))


def by_region(year, header, questions):
    lines = [header]
    for label, region in INE_REGIONS:
        for indicator, question in questions.items():
            for activity, sector, weight in INE_ACTIVITIES:
                lines.append(f"{label};{question};{activity};{text(indicator, region, sector, weight, year)}")
    return "\n".join(lines) + "\n"


# --------------------------------------------------------------------- other shapes

# Before tables had numbers, the nation had a column of its own; and of these two tables one has a point, one a comma.
SPANISH = {"Total Enterprises": "Total Empresas", "Industry": "Industria", "Construction": "Construcción", "Services": "Servicios"}


def unnumbered(year, header, questions, mark):
    lines = [header]
    for label, region in INE_REGIONS:
        name = "" if region == "ES" else label
        for indicator, question in questions.items():
            for activity, sector, weight in INE_ACTIVITIES:
                number = text(indicator, region, sector, weight, year)
                number = number if number == ".." else f"{value(indicator, region, sector, year):.2f}".replace(".", mark)
                lines.append(f"Total nacional;{name};{question};{SPANISH[activity]};{number}")
    return "\n".join(lines) + "\n"


def specialists():
    header = "National Total;Autonomous Communities and Cities;Principales variables;Agrupación de actividad económica;Total"
    return unnumbered(2020, header, {SPECIALISTS: "C.1 % de empresas que emplean especialistas en TIC"}, ".")


def computers():
    header = "Total Nacional;Comunidades y Ciudades Autónomas;Principales variables;Agrupación de actividad económica;Total"
    questions = {
        COMPUTERS: "B.1 % de empresas que disponen de ordenadores",
        STAFF: "B.1.1 % Personal que utiliza ordenadores con fines empresariales",
    }
    return unnumbered(2019, header, questions, ",")


AI_2022 = {
    ANY: "E.1 % enterprises that use Artificial Intelligence (AI) technologies",
    "E_AI_TTM": "E.1.A % enterprises with AI technology for written language analysis (1)",
    "E_AI_TSR": "E.1.B % enterprises with AI technology that converts spoken language into machine-readable format (1)",
    "E_AI_TNLG": "E.1.C % enterprises with AI technology that generates written or spoken language (1)",
}
# National, by size: of the activities only the total, since no other label of theirs is known.
SIZE_TABLES = {
    "76387": (2025, "Size of the company", AI_2025, "250 and more"),
    "53956": (2022, "Size of the enterprise", AI_2022, "250 or more"),
}


def by_size(name):
    year, heading, questions, largest = SIZE_TABLES[name]
    lines = [f"Activity grouping (except CNAE 56, 64-66 and 95.1);Main variables;{heading};Total"]
    labels = {"GE10": "Total", "10-49": "From 10 to 49", "50-249": "From 50 to 249", "GE250": largest}
    for indicator, question in questions.items():
        for size, label in labels.items():
            number = published(indicator, "ES", "INE_TOTAL", year, size)
            if number is None:  # larger than the total, as the medium ones are
                number = published(indicator, "ES", "INE_TOTAL", year, "50-249") * 1.08
            lines.append(f"Total Enterprises;{question};{label};{printed(number)}")
    return "\n".join(lines) + "\n"


# Fewer than 10 employees, all of Spain: every figure is published.
MICRO_2025 = AI_2025 | {
    "E_AI_TPVSG": "E.1.D % of companies with AI technology that generates images, videos, sounds or audio (2)",
    "E_AI_TIR": "E.1.E % of companies with AI technology of object identification or people in terms of images or videos (2)",
    "E_AI_TML": "E.1.F % of companies with AI technology of machine learning or machine learning for analysis of data (2)",
    "E_AI_TPA": "E.1.G % of companies with AI technology of flow automation of work or help in the decision making (2)",
    "E_AI_TAR": "E.1.H % of companies with AI technology which enables the physical movement of machines through autonomous decisions "
    "based on in the observation of the environment (2)",
    "E_AI_PMS": "E.2.A % of companies that employ AI technologies to marketing or sales (2)",
    "E_AI_PPP": "E.2.B % of companies that employ AI technologies to production processes or services (2)",
    "E_AI_PBAM": "E.2.C % of companies that employ AI technologies to organisation of management processes or business management (2)",
    "E_AI_PLOG": "E.2.D % of companies that employ AI technologies to logistics (2)",
    "E_AI_PITS": "E.2.E % of companies that employ AI technologies to security of the ITC (2)",
    "E_AI_PFIN": "E.2.F % of companies that employ AI technologies to accounting management, on control or financial (2)",
    "E_AI_PRDI": "E.2.G % of companies that employ AI technologies to R&D activities or innovation (2)",
}
MICRO_2023 = AI_2023 | {
    "E_AI_TIR": "G.1.D % of enterprises with AI technology to identify objects or people based on images or videos (2)",
    "E_AI_TML": "G.1.E % of enterprises with machine learning AI technology for data analysis (2)",
    "E_AI_TPA": "G.1.F % of enterprises with AI technology for workflow automation or decision-making support (2)",
    "E_AI_TAR": "G.1.G % of enterprises with AI technology that enables the physical movement of machines (2)",
    "E_AI_PMS": "G.2.A % of enterprises that use AI technologies for marketing or sales (2)",
    "E_AI_PPP": "G.2.B % of enterprises that use AI technologies for production purposes (2)",
    "E_AI_PBAM": "G.2.C % of enterprises that use AI technologies to organise business administration or management processes (2)",
    "E_AI_PLOG": "G.2.D % of enterprises that use AI technologies for logistics (2)",
    "E_AI_PITS": "G.2.E % of enterprises that use AI technologies for ICT security (2)",
    "E_AI_PFIN": "G.2.F % of enterprises that use AI technologies for accounting, control or financial management (2)",
    "E_AI_PRDI": "G.2.G % of enterprises that use AI technologies for R&D or innovation activities (2)",
}


def micro(year, questions, mark):
    lines = ["Main variables;Total"]
    for indicator, question in questions.items():
        number = published(indicator, "ES", "INE_TOTAL", year, "L10")
        lines.append(f"{question};{f'{number:.2f}' if mark == '.' else printed(number)}")
    return "\n".join(lines) + "\n"


def payloads():
    """{path: text} of all tables."""
    files = {f"{pipeline}/{name}.csv": by_region(*table) for pipeline, name, *table in REGIONAL_TABLES}
    files |= {f"ine__ai_by_size/{name}.csv": by_size(name) for name in SIZE_TABLES}
    files["ine__ai_micro/76397.csv"] = micro(2025, MICRO_2025, ",")
    files["ine__ai_micro_point/59903.csv"] = micro(2023, MICRO_2023, ".")
    files["ine__specialists_by_region/05002.csv_bdsc"] = specialists()
    files["ine__computers_by_region_2019/05001.csv_bdsc"] = computers()
    return files
