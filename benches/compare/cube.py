"""The project of tejido that whole.py and scale.py time: one table or several of the shape of generate.py's, two marts."""
import os
import shutil
import textwrap

import duckdb

repository = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# A source on loopback, no report, and a port that is free: nobody is disturbed by questions to oneself.
VARIABLES = {"TEJIDO__PROFILE": "live", "TEJIDO__REPORT__ENABLED": "false", "TEJIDO__LISTEN__ADDRESS": "127.0.0.1:0"}
DIMENSIONS = {"size_emp": ("size_class", "size_classes"), "nace_r2": ("sector", "sectors"),
              "indic_is": ("indicator", "indicators"), "unit": ("unit", "units"), "geo": ("region", "regions")}

# What the marts are, in the words of the staging table; {staging} is its name.
BY_COUNTRY = """
select
    indicator, unit, size_class, sector, substring(region, 1, 2) as country, time_period,
    count(*) as regions, count(observed_value) as valued,
    cast(min(observed_value) as double) as lowest, cast(max(observed_value) as double) as highest
from {staging}
where length(region) > 2
group by indicator, unit, size_class, sector, substring(region, 1, 2), time_period
"""
NEWEST = """
select now.indicator, now.unit, now.size_class, now.sector, now.region, now.observed_value as share,
    now.observed_value - before.observed_value as change, now.observed_value - country.observed_value as gap
from {staging} as now
left join {staging} as before
    on before.indicator = now.indicator and before.unit = now.unit and before.size_class = now.size_class
    and before.sector = now.sector and before.region = now.region and before.time_period = '2024'
left join {staging} as country
    on country.indicator = now.indicator and country.unit = now.unit and country.size_class = now.size_class
    and country.sector = now.sector and country.region = substring(now.region, 1, 2) and country.time_period = '2025'
where now.time_period = '2025'
"""
MARTS = {
    "by_country": (BY_COUNTRY, ["indicator", "unit", "size_class", "sector", "country", "time_period"],
                   ["regions", "valued", "lowest", "highest"]),
    "newest": (NEWEST, ["indicator", "unit", "size_class", "sector", "region"], ["share", "change", "gap"]),
}


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def project(folder, cube, datasets, codes_of=lambda name, codes: codes):
    """A project of tejido with these tables, which have the codes of a cube, or what `codes_of` makes of those."""
    columns = ", ".join(f"list(distinct {name})" for name in DIMENSIONS)
    found = duckdb.sql(f"select {columns} from read_csv('{cube}', all_varchar = true)").fetchall()[0]
    codes = {name: codes_of(name, values) for name, values in zip(DIMENSIONS, found)}
    toml = textwrap.dedent("""\
        title = "cube"
        kind = "observations"
        publisher = "x"
        licence = "x"
        attribution = "x"
        [request]
        url = "http://source.invalid/{dataset}"
        [decode]
        format = "sdmx-csv"
        [constants]
        sector_scheme = "NACE_R2"
        [dimensions]
        freq = { require = "A" }
        time_period = { to = "time_period" }
        """)
    for name, (column, codelist) in DIMENSIONS.items():
        toml += f'{name} = {{ to = "{column}" }}\n'
        scheme, head = ("NACE_R2,", "scheme,code") if codelist == "sectors" else ("", "code")
        rows = "".join(f"{scheme}{code}\n" for code in sorted(codes[name]))
        write(f"{folder}/pipelines/codelists/{codelist}.csv", f"# source: the cube; licence: none\n{head}\n{rows}")
    write(f"{folder}/pipelines/codelists/flags.csv", "# source: the cube; licence: none\ncode\n" + "".join(f"{flag}\n" for flag in "bcdefinprsuz"))
    toml += "".join(f'[[editions]]\ndataset = "{dataset}"\n' for dataset in datasets)
    write(f"{folder}/pipelines/bench__cube.toml", toml)
    shutil.copytree(f"{repository}/config", f"{folder}/config", dirs_exist_ok=True)
    if os.path.exists(f"{folder}/config/local.toml"):
        os.remove(f"{folder}/config/local.toml")
    os.makedirs(f"{folder}/sql/staging", exist_ok=True)
    shutil.copy(f"{repository}/sql/staging/stg_observations.sql", f"{folder}/sql/staging")
    for mart, (sql, grain, others) in MARTS.items():
        described = "".join(f"-- column {column}: {column}\n" for column in grain + others)
        header = f"-- The mart {mart}.\n-- grain: {', '.join(grain)}\n{described}"
        write(f"{folder}/sql/marts/{mart}.sql", header + sql.strip().format(staging="staging.stg_observations") + "\n")
