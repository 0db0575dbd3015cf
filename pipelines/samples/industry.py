"""Members of the industrial clusters, invented like those of TERA: firms of a cluster's own trade, guests from the
others, and the university, the technology centre and the agency that are in most of them."""

import csv
import datetime
import io

from arithmetic import share
from clusters import entity, tera_members
from workbook import workbook

# Names that nobody bears: a place that is none, by the trade.
PLACES = ["Braña", "Peña", "Val", "Ría", "Monte", "Hoz", "Sel", "Cueto", "Torre", "Fuente", "Cabo", "Soto", "Llana", "Ojo"]
KINDS = ["fingida", "soñada", "inverniza", "quimera", "plateada", "vacía", "remota", "callada", "ilusoria", "perdida",
         "novena", "clarea", "huidiza", "ensueño"]  # fmt: skip
TOWNS = [
    ("Santander", "39011"), ("Torrelavega", "39300"), ("Camargo", "39600"), ("Reinosa", "39200"), ("El Astillero", "39610"),
    ("Los Corrales de Buelna", "39400"), ("Santa Cruz de Bezana", "39100"), ("Piélagos", "39470"), ("Polanco", "39313"),
    ("Marina de Cudeyo", "39719"), ("Castro-Urdiales", "39700"), ("Medio Cudeyo", "39724"), ("Cartes", "39311"),
    ("Colindres", "39750"), ("Reocín", "39538"), ("Campoo de Enmedio", "39212"),
]  # fmt: skip
COAST = [("Santoña", "39740"), ("Laredo", "39770"), ("Colindres", "39750"), ("Santander", "39009"), ("El Astillero", "39610"),
         ("San Vicente de la Barquera", "39540"), ("Suances", "39340")]  # fmt: skip
ELSEWHERE = [("Madrid", "28020"), ("Bilbao", "48009"), ("Getafe", "28901"), ("Vigo", "36201"), ("Ferrol", "15401"),
             ("Cartagena", "30201"), ("Sevilla", "41001"), ("Tres Cantos", "28760"), ("Vitoria-Gasteiz", "01001"),
             ("Gijón", "33203"), ("Avilés", "33400"), ("Barcelona", "08005"), ("Zaragoza", "50001"), ("Valladolid", "47001"),
             ("Burgos", "09001"), ("San Fernando", "11100")]  # fmt: skip

# Of each cluster: firms of its own, of these how many from elsewhere, guests, and the trades (CNAE, what the list
# says, how such firms call themselves).
CLUSTERS = {
    "gira": (24, 2, 7, [
        ("2932", "Componentes para vehículos", "Componentes"), ("2451", "Fundición de hierro", "Fundiciones"),
        ("2562", "Mecanizado de precisión", "Mecanizados"), ("2229", "Inyección de plástico", "Plásticos"),
        ("2573", "Moldes y utillajes", "Utillajes"), ("2219", "Piezas de caucho técnico", "Cauchos"),
        ("2931", "Cableado para automoción", "Cableados"), ("2561", "Tratamiento de superficies", "Recubrimientos"),
    ]),
    "cinc": (16, 2, 12, [
        ("2530", "Generadores de vapor e intercambiadores", "Caldererías"), ("7112", "Ingeniería nuclear", "Ingeniería"),
        ("2511", "Estructuras y soportes", "Estructuras"), ("7120", "Ensayos no destructivos", "Ensayos"),
        ("3320", "Montajes industriales", "Montajes"), ("2562", "Mecanizado pesado", "Talleres"),
        ("3822", "Gestión de residuos radiactivos", "Residuos"),
    ]),
    "sicc": (22, 6, 18, [
        ("2711", "Generadores y convertidores", "Energías"), ("4291", "Obras marítimas", "Obras Marítimas"),
        ("7112", "Ingeniería marina", "Ingeniería Marina"), ("7219", "I+D en energía de las olas", "Olas"),
        ("2732", "Cables submarinos", "Cables"), ("3519", "Promoción de parques eólicos marinos", "Eólica"),
        ("2511", "Cimentaciones y boyas", "Boyas"), ("5222", "Servicios a parques marinos", "Servicios Marinos"),
    ]),
    "marca": (12, 1, 8, [
        ("3011", "Construcción naval", "Astilleros"), ("3315", "Reparación naval", "Varaderos"),
        ("5222", "Consignatarios y servicios portuarios", "Consignaciones"), ("0321", "Acuicultura marina", "Viveros"),
        ("3012", "Embarcaciones de recreo", "Náutica"), ("5020", "Transporte marítimo de mercancías", "Naviera"),
    ]),
    "cid": (46, 30, 24, [
        ("2540", "Munición y sistemas", "Sistemas"), ("2651", "Sensores y optrónica", "Optrónica"),
        ("3030", "Drones y aeroestructuras", "Aeronáutica"), ("2630", "Comunicaciones seguras", "Comunicaciones"),
        ("6202", "Consultoría de defensa", "Consultores"), ("7112", "Ingeniería de defensa", "Ingeniería de Defensa"),
        ("8020", "Vigilancia electrónica", "Vigilancia"), ("2550", "Forja y estampación", "Forjas"),
        ("1392", "Textil técnico y tiendas de campaña", "Textiles"), ("3011", "Buques de apoyo", "Buques"),
    ]),
    "alimentacion": (24, 0, 2, [
        ("10.53", "Quesos", "Queserías"), ("10.20", "Conservas de pescado", "Conservas"), ("10.71", "Panadería y bollería", "Obradores"),
        ("10.51", "Leche y lácteos", "Lácteos"), ("10.82", "Chocolate y dulces", "Chocolates"), ("11.05", "Cerveza", "Cervezas"),
        ("10.13", "Embutidos", "Embutidos"), ("11.07", "Aguas y refrescos", "Aguas"),
    ]),
    "metal": (18, 0, 12, [
        ("2410", "Acería", "Aceros"), ("2511", "Estructuras metálicas", "Metálicas"), ("2829", "Maquinaria industrial", "Maquinaria"),
        ("2562", "Mecanizado", "Tornerías"), ("2420", "Tubos de acero", "Tubos"), ("3312", "Reparación de maquinaria", "Reparaciones"),
        ("2593", "Alambre y muelles", "Alambres"), ("2841", "Máquinas herramienta", "Máquinas Herramienta"),
    ]),
}  # fmt: skip
GUESTS = {
    "gira": ["metal", "cinc"], "cinc": ["metal", "gira", "sicc"], "sicc": ["marca", "cinc", "metal"], "marca": ["sicc", "cid", "metal"],
    "cid": ["gira", "marca", "sicc", "metal", "cinc"], "alimentacion": ["marca"], "metal": ["gira", "cinc", "cid"],
}  # fmt: skip
# Members of TERA that are in other clusters, too.
SHARED = {
    "gira": ["Trasgu Robótica", "Automatismos Peña", "Centro Tecnológico"],
    "cinc": ["Ingeniería Brañaflor", "Centro Tecnológico", "Universidad Imaginaria"],
    "sicc": ["Lumia Marea", "Centro Tecnológico", "Universidad Imaginaria", "Agencia Inventada"],
    "marca": ["Lumia Marea", "Costa Quebranta", "Universidad Imaginaria"],
    "cid": ["Cuélebre", "Meseta Supuesta", "Ventolín", "Agencia Inventada", "Ingeniería Brañaflor"],
    "alimentacion": ["Sel de la Vaca"],
    "metal": ["Trasgu Robótica", "Campurriana de Impresión", "Centro Tecnológico"],
}
# The list of food makers is the first with CNAE-2025, which has another code for what its guest from TERA does.
CNAE_2025 = {"alimentacion": {"6201": "62.10"}}
FORMS = ["S.L.", "S.L.", "S.L.", "S.A.", "S.L.U.", "Soc. Coop."]
LETTERS = {"S.L.": "B", "S.L.U.": "B", "S.A.": "A", "Soc. Coop.": "F"}
BANDS = ["menos de 10", "de 10 a 49", "de 50 a 249"]


def pick(items, *key):
    return items[int(share(*key) * len(items))]


def day(*key):
    return datetime.date(2012, 1, 1) + datetime.timedelta(int(5000 * share("day", *key)))


def firms():
    """The firms of every cluster's own: {cluster: [member]}."""
    places = sorted((f"{place}{kind}" for place in PLACES for kind in KINDS), key=lambda name: share("place", name))
    own, number = {}, 0
    for cluster, (count, far, _, trades) in CLUSTERS.items():
        own[cluster] = []
        for rank in range(count):
            number += 1
            cnae, activity, noun = trades[rank % len(trades)]
            form = pick(FORMS, "form", number)
            near = COAST if cluster in ("marca", "sicc") else TOWNS
            town, postal = pick(ELSEWHERE if rank >= count - far else near, "town", number)
            staff = int(4 * 90 ** share("staff", number))
            own[cluster].append({
                "name": f"{noun} {places[number]}, {form}", "nif": entity(LETTERS[form], 10000 + 13 * number), "cnae": cnae,
                "activity": activity, "town": town, "postal": postal, "staff": staff, "web": f"https://empresa{number:03d}.ejemplo.invalid",
            })  # fmt: skip
    return own


def members(cluster):
    """Who is in a cluster, in the order of the list."""
    own = firms()
    count = CLUSTERS[cluster][2]
    guests = [member for member in tera_members() if any(member["name"].startswith(name) for name in SHARED[cluster])]
    others = [member for other in GUESTS[cluster] for member in own[other]]
    others.sort(key=lambda member: share("guest", cluster, member["nif"]))
    listed = own[cluster] + [*guests, *others][:count]
    listed.sort(key=lambda member: share("order", cluster, member["name"]))
    found = []
    for rank, member in enumerate(listed, start=1):
        joined = day(cluster, member["name"])
        cnae = CNAE_2025.get(cluster, {}).get(member["cnae"], member["cnae"])
        spelled = dict(member, cnae=cnae, joined=joined, left=None)
        # A list is kept by hand: some write in capitals, some with a hyphen, some give a band.
        if share("capitals", cluster, rank) < 0.1:
            spelled["name"] = member["name"].upper()
        if share("hyphen", cluster, rank) < 0.2 and member["nif"]:
            spelled["nif"] = f"{member['nif'][0]}-{member['nif'][1:]}"
        if share("band", cluster, rank) < 0.15 and isinstance(member["staff"], int) and member["staff"] < 250:
            spelled["staff"] = BANDS[(member["staff"] > 9) + (member["staff"] > 49)]
        if share("left", cluster, rank) < 0.05 and joined.year < 2022:
            spelled["left"] = joined + datetime.timedelta(900)
        found.append(spelled)
    return found


def delimited(cluster, header, columns, separator=";"):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=separator, lineterminator="\r\n")
    writer.writerow(header)
    for rank, member in enumerate(members(cluster), start=1):
        dates = {key: member[key].strftime("%d/%m/%Y") if member[key] else "" for key in ("joined", "left")}
        contact = {"contact": f"Contacto Ficticio {cluster} {rank:02d}", "mail": f"{cluster}{rank:02d}@ejemplo.invalid"}
        row = member | dates | contact
        writer.writerow([row[column] for column in columns])
    return out.getvalue()


def spreadsheet(cluster, title, header, columns):
    rows = [[title], [], header]
    for rank, member in enumerate(members(cluster), start=1):
        row = member | {"contact": f"Contacto Ficticio {cluster} {rank:02d}", "mail": f"{cluster}{rank:02d}@ejemplo.invalid"}
        rows.append([row[column] for column in columns])
    return workbook({"Portada": [[title]], "Socios": rows})


def payloads():
    """{path: (content, encoding)} of the exports, each with the columns of its own."""
    standard = ["name", "nif", "cnae", "activity", "town", "postal", "contact", "mail", "staff", "joined", "left", "web"]
    spanish = ["Razón social", "NIF", "CNAE", "Actividad", "Municipio", "Código postal", "Contacto", "Correo", "Plantilla",
               "Alta", "Baja", "Página web"]  # fmt: skip
    short = ["nif", "name", "cnae", "staff", "town", "joined", "left", "mail"]
    brief = ["CIF", "Empresa", "CNAE 2009", "Empleados", "Población", "Fecha alta", "Fecha baja", "Email"]
    return {
        "clusters__gira/gira.csv": (delimited("gira", spanish, standard), "cp1252"),
        "clusters__cinc/cinc.csv": (delimited("cinc", spanish, standard), "utf-8-sig"),
        "clusters__sicc/sicc.csv": (delimited("sicc", brief, short, ","), "utf-8"),
        "clusters__marca/marca.xlsx": (spreadsheet("marca", "Socios del clúster marítimo", spanish, standard), None),
        "clusters__cid/cid.xlsx": (spreadsheet("cid", "Asociados del clúster de defensa", brief, short), None),
        "clusters__alimentacion/alimentacion.csv": (delimited("alimentacion", spanish, standard), "utf-8"),
        "clusters__metal/metal.csv": (delimited("metal", brief, short), "cp1252"),
    }
