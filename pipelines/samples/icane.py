"""ICANE's survey and directory of Cantabria: made up from the first to the last figure, in the formats of its other series.

The levels keep clear of the figures that the press quotes from ICANE's survey (pipelines/codelists/published_claims.csv):
those are claims, whose year is not known, and no data.
"""

import json

import registers
from arithmetic import logit, noise, percent, split

NOTE = "Datos sintéticos: cifras, categorías y nombre de la serie están sin verificar en la fuente"
YEARS = (2024, 2025)
# Level among enterprises with 10 or more employees in each year, and how far those with fewer are below it (logit).
VARIABLES = {
    "Empresas con acceso a internet": ((95.4, 96.1), 1.6),
    "Empresas que analizan big data": ((15.2, 17.9), 1.1),
    "Empresas que compran servicios en la nube": ((27.3, 30.4), 1.2),
    "Empresas que emplean especialistas en TIC": ((11.8, 12.6), 1.9),
    "Empresas que usan inteligencia artificial": ((9.1, 12.4), 0.7),
}
SECTORS = {"Industria": (0.22, -0.05), "Construcción": (0.15, -0.6), "Servicios": (0.63, 0.12)}
SIZES = ("10 y más asalariados", "Menos de 10")


def rate(variable, sector, size, year):
    levels, below = VARIABLES[variable]
    whole = levels[YEARS.index(year)]
    if size != SIZES[0]:
        whole = percent(logit(whole) - below)
        if sector == "Construcción" and variable.endswith("artificial"):
            return None  # too few answers
    if sector == "Total":
        return round(whole, 1)
    parts = {
        code: (weight, shift + noise(0.1, "icane", variable, size, code) + noise(0.05, "icane", variable, size, code, year))
        for code, (weight, shift) in SECTORS.items()
    }
    return round(split(whole, parts)[sector], 1)


def dimension(label, categories, **more):
    return {"label": label, "category": {"index": {category: place for place, category in enumerate(categories)}, **more}}


def ict_use():
    """JSON-stat 2.0 as ICANE writes it: labels for codes, the unit beside each variable, values as a list."""
    sectors = ["Total", *SECTORS]
    dimensions = {
        "Año": dimension("Año", [str(year) for year in YEARS]),
        "Sector de actividad": dimension("Sector de actividad", sectors),
        "Tamaño de la empresa": dimension("Tamaño de la empresa", SIZES),
        "Variables": dimension(
            "Variables", VARIABLES, unit={variable: {"decimals": 1, "label": "Porcentaje"} for variable in VARIABLES}
        ),
    }
    document = {
        "class": "dataset",
        "version": "2.0",
        "label": "Empresas de Cantabria que usan TIC, por sector de actividad y tamaño (datos sintéticos)",
        "source": "Instituto Cántabro de Estadística (ICANE)",
        "updated": "2026-03-12T00:00:00+01:00",
        "note": [NOTE],
        "id": list(dimensions),
        "size": [len(part["category"]["index"]) for part in dimensions.values()],
        "role": {"time": ["Año"], "metric": ["Variables"]},
        "dimension": dimensions,
        "value": [
            rate(variable, sector, size, year)
            for year in YEARS
            for sector in sectors
            for size in SIZES
            for variable in VARIABLES
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=2)


DIRECTORY_YEARS = (2022, 2023)
STRATA = {
    "Sin asalariados": ("0",), "De 1 a 2": ("1-2",), "De 3 a 5": ("3-5",), "De 6 a 9": ("6-9",), "De 10 a 19": ("10-19",),
    "De 20 a 49": ("20-49",), "De 50 a 99": ("50-99",), "De 100 a 199": ("100-199",), "De 200 a 249": ("200-249",),
    "De 250 a 999": ("250-999",), "De 1000 a 4999": ("1000-4999",), "De 5000 o más asalariados": ("GE5000",),
    "Total": tuple(registers.STRATA),
}  # fmt: skip
SECTIONS = [letter for letter in "BCDEFGHIJKLMNPQRS"]


def counted(sector, strata, year):
    sections = SECTIONS if sector == "Total" else [sector]
    number = sum(registers.count("ES13", section, strata, year) for section in sections)
    # An enterprise may have several establishments; of those without employees few have.
    return {"Empresas": number, "Establecimientos": number + round(0.09 * sum(
        registers.count("ES13", section, [stratum], year) for section in sections for stratum in strata if stratum != "0"
    ))}  # fmt: skip


def directory():
    """ICANE's own JSON: one level a header, the last one the variable."""
    titles = {row["code"]: row["label_es"] for row in registers.SECTORS if row["level"] == "section"}
    labels = {"Total": "Total"} | {section: f"{section} {titles[section]}" for section in SECTIONS}
    document = {
        "headers": ["Año", "Actividad principal", "Estrato de asalariados", "Variables"],
        "data": {
            str(year): {
                label: {stratum: counted(section, strata, year) for stratum, strata in STRATA.items()}
                for section, label in labels.items()
            }
            for year in DIRECTORY_YEARS
        },
        "note": NOTE,
    }
    return json.dumps(document, ensure_ascii=False)


def series_list():
    """ICANE's list of series, with the fields of its metadata that a pipeline reads: these two, and what is not meant."""
    tags = {
        "uso-tic-empresas": ("Uso de TIC en las empresas (datos sintéticos)", True, 1773270000000),
        "uso-tic-empresas-base-2010": ("Uso de TIC en las empresas, base anterior (datos sintéticos)", False, 1389222000000),
        "uso-tic-hogares": ("Uso de TIC en los hogares (datos sintéticos)", True, 1760479200000),
        "directorio-empresas-actividad-estrato": ("Directorio de empresas (datos sintéticos)", True, 1769900400000),
    }
    nodes = [
        {
            "uriTag": tag, "title": title, "active": active, "dataUpdate": changed,
            "nodeType": {"uriTag": "time-series", "title": "Serie temporal"},
            "apiUris": [{"format": "json", "uri": f"https://www.icane.es/data/api/{tag}.json"}],
        }
        for tag, (title, active, changed) in tags.items()
    ]  # fmt: skip
    return json.dumps(nodes, ensure_ascii=False, indent=1)


def payloads():
    """{path: text} of both series, and of the list in which they are found."""
    return {
        "icane__ict_use/discover.json": series_list(),
        "icane__business_directory/discover.json": series_list(),
        "icane__ict_use/uso-tic-empresas.json-stat": ict_use(),
        "icane__business_directory/directorio-empresas-actividad-estrato.json": directory(),
    }
