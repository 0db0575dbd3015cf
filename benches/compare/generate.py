"""Writes one synthetic cube, shaped like a table of ICT use in enterprises, in four formats.

    generate.py CELLS FOLDER

Some cells are absent, some are missing with a flag, some confidential; half of the values have a flag. The same
seed gives the same bytes.
"""
import itertools
import random
import sys

cells, folder = int(sys.argv[1]), sys.argv[2]
rng = random.Random(20261124)
years = [str(year) for year in range(2009, 2026)]
countries = "AT BE BG CY CZ DE DK EE EL ES FI FR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK NO CH RS".split()
regions = [country + suffix for country in countries for suffix in [""] + [str(n) for n in range(1, 8)] + [f"{n}{m}" for n in range(1, 8) for m in range(1, 4)]]
sectors = "C10-S951_X_K C C-E C-F C10-C12 C13-C15 C16-C18 C19-C23 C24_C25 C26 C27_C28 C29_C30 C31-C33 D_E F G G45 G46 G47 H I J J61 J62_J63 L_M N".split()
indicators = [f"E_{a}_{b}" for a in "AI CC DA BD IOT SEC WEB ERP CRM ITSP FIXBB ESELL".split() for b in "TANY T1 T2 GE2 PCS EXT".split()]
sizes = "GE10 10-49 50-249 GE250".split()
units = "PC_ENT PC_ENT_IUSE".split()

names = ["freq", "size_emp", "nace_r2", "indic_is", "unit", "geo"]
rows_wanted = cells // len(years)
product = itertools.product(["A"], sizes, sectors, indicators, units, regions)
series = list(itertools.islice(product, rows_wanted))
dimensions = [list(dict.fromkeys(key[at] for key in series)) for at in range(6)]

tsv = open(f"{folder}/cube.tsv", "w", buffering=1 << 20)
csv = open(f"{folder}/cube.csv", "w", buffering=1 << 20)
xml = open(f"{folder}/cube.xml", "w", buffering=1 << 20)
js = open(f"{folder}/cube.json", "w", buffering=1 << 20)
tsv.write(",".join(names) + "\\TIME_PERIOD\t" + "\t".join(f"{year} " for year in years) + "\n")
csv.write("DATAFLOW,LAST UPDATE," + ",".join(names) + ",TIME_PERIOD,OBS_VALUE,OBS_FLAG,CONF_STATUS\n")
xml.write(
    '<?xml version="1.0" encoding="UTF-8"?>\n<m:StructureSpecificData xmlns:m="http://www.sdmx.org/resources/sdmxml/schemas/v2_1/message"'
    ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:c="http://www.sdmx.org/resources/sdmxml/schemas/v2_1/common"'
    ' xmlns:ss="http://www.sdmx.org/resources/sdmxml/schemas/v2_1/data/structurespecific">'
    '<m:Header><m:ID>cube</m:ID><m:Test>false</m:Test><m:Prepared>2026-11-24T00:00:00</m:Prepared><m:Sender id="X"/>'
    '<m:Structure structureID="CUBE" dimensionAtObservation="TIME_PERIOD"><c:Structure><Ref agencyID="X" id="CUBE" version="1.0"/>'
    '</c:Structure></m:Structure></m:Header>\n<m:DataSet ss:dataScope="DataStructure" ss:structureRef="CUBE" xsi:type="CUBE">\n'
)
# A flat index counts the whole product of the codes, of which the series are the beginning.
index_of = [{code: at for at, code in enumerate(codes)} for codes in dimensions]
strides = [1] * 7
for at in range(5, -1, -1):
    strides[at] = strides[at + 1] * (len(years) if at == 5 else len(dimensions[at + 1]))
strides = [strides[at] for at in range(6)]
js.write('{"version":"2.0","class":"dataset","label":"cube","updated":"2026-11-24T11:00:00+0100","value":{')
statuses, first, observed = [], True, 0
for key in series:
    flat = sum(index_of[at][code] * strides[at] for at, code in enumerate(key))
    tsv.write(",".join(key))
    xml.write("<Series " + " ".join(f'{name}="{code}"' for name, code in zip(names, key)) + ">")
    prefix = "ESTAT:CUBE(1.0),24/11/26 11:00:00," + ",".join(key)
    for at, year in enumerate(years):
        draw = rng.random()
        flag = "" if rng.random() < 0.5 else rng.choice("bepud")
        if draw < 0.14:
            tsv.write("\t: ")
            continue
        observed += 1
        if draw < 0.18:
            tsv.write(f"\t: {flag}" if draw < 0.17 else "\t:C")
            mark = flag if draw < 0.17 else ""
            confidential = "" if draw < 0.17 else "C"
            csv.write(f"{prefix},{year},,{mark},{confidential}\n")
            xml.write(f'<Obs TIME_PERIOD="{year}" OBS_VALUE="NaN" OBS_STATUS="{mark}" CONF_STATUS="{confidential}"/>')
            # JSON-stat states a cell without a value by its status alone.
            statuses.append(f'"{flat + at}":"{mark}|{confidential or "x"}"')
            continue
        value = f"{round(rng.random() * 100, rng.choice((0, 1, 2))):g}"
        tsv.write(f"\t{value} {flag}")
        csv.write(f"{prefix},{year},{value},{flag},\n")
        xml.write(f'<Obs TIME_PERIOD="{year}" OBS_VALUE="{value}"' + (f' OBS_STATUS="{flag}"/>' if flag else "/>"))
        js.write(f'{"" if first else ","}"{flat + at}":{value}')
        first = False
        if flag:
            statuses.append(f'"{flat + at}":"{flag}"')
    tsv.write("\n")
    xml.write("</Series>\n")
xml.write("</m:DataSet></m:StructureSpecificData>\n")
all_names, all_codes = names + ["time"], dimensions + [years]
shapes = ",".join(
    f'"{name}":{{"category":{{"index":{{' + ",".join(f'"{code}":{at}' for at, code in enumerate(codes)) + "}}}"
    for name, codes in zip(all_names, all_codes)
)
js.write(
    '},"status":{' + ",".join(statuses) + '},"id":[' + ",".join(f'"{name}"' for name in all_names)
    + '],"size":[' + ",".join(str(len(codes)) for codes in all_codes) + '],"dimension":{' + shapes + "}}"
)
for file in (tsv, csv, xml, js):
    file.close()
print(f"{len(series) * len(years):,} cells, {observed:,} stated")
