"""Exports of the members of clusters: invented from the first to the last row."""

import csv
import io


def entity(letter, number):
    """A NIF of an entity that cannot have been issued: its province digits are 00."""
    body = f"00{number:05d}"
    digits = [int(digit) for digit in body]
    odd = sum(sum(divmod(2 * digit, 10)) for digit in digits[0::2])
    control = (10 - (odd + sum(digits[1::2])) % 10) % 10
    return letter + body + "JABCDEFGHI"[control]


def person(number):
    return f"{number:08d}" + "TRWAGMYFPDXBNJZSQVHLCKE"[number % 23]


TERA_HEADER = (
    "Razón social;CIF;CNAE;Actividad;Municipio;C.P.;Persona de contacto;Correo electrónico;Teléfono;Web;"
    "Nº empleados;Fecha de alta;Fecha de baja;Fuerzas motrices"
)
# name; kind of number; CNAE; activity; municipality; postal code; employees; joined; left. All invented.
TERA = """
Trentisoft Ingeniería de Software, S.L.;B;6201;Desarrollo de software a medida;Santander;39011;34;14/03/2016;
Ojáncanu Data Labs, S.L.;B-;62.01;Analítica de datos e inteligencia artificial;Santander;39011;18;02/05/2018;
ANJANA CLOUD SERVICIOS, S.A.;A;6311;Centro de datos y alojamiento en la nube;Camargo;39600;de 50 a 249;14/03/2016;
Redes del Pas Imaginario, S.L.;b;6110;Operador de fibra óptica;Piélagos;39470;27;14/03/2016;
Cuélebre Ciberseguridad, S.L.;ESB;62.02;Consultoría de ciberseguridad;Santander;39012;41;21/09/2017;
Sistemas Valle de Invernalia, S.L.U.;B;6202;Consultoría informática;Torrelavega;39300;12;14/03/2016;
Musgosu Videojuegos, S.L.;B;5821;Edición de videojuegos;Santander;39005;9;11/01/2020;
Bosque Digital del Saja, S.L.;B-;6209;Integración de sistemas;Cabezón de la Sal;39500;7;30/06/2019;
Ventolín Telecomunicaciones, S.A.;A;61.20;Redes 5G privadas;El Astillero;39610;de 50 a 249;14/03/2016;
Esteleru Tecnologías Cuánticas, S.L.;B;7219;Algoritmos de computación cuántica;Santander;39011;6;18/10/2022;
Ingeniería Brañaflor, S.L.;B;7112;Ingeniería de telecomunicación;Santa Cruz de Bezana;39100;58;05/04/2017;
Caballucos Internet, S.L.;b-;6312;Portales web y contenidos;Laredo;39770;5;22/11/2018;
Nuberu Analítica, S.L.;B;6311;"Proceso de datos; cuadros de mando";Santander;39001;23;09/02/2019;
Trasgu Robótica, S.L.;B;2899;Robots colaborativos y visión artificial;Los Corrales de Buelna;39400;64;14/03/2016;
Automatismos Peña Imaginada, S.A.;A;71.12;Automatización industrial;Reinosa;39200;de 50 a 249;14/03/2016;
Lumia Marea Sensores, S.L.;B;2651;Sensórica marina y gemelos digitales;Marina de Cudeyo;39719;31;27/06/2021;
Faro Ficticio Comunicaciones, S.L.;ESB;6190;Servicios de telecomunicaciones;Castro-Urdiales;39700;14;13/05/2016;
Costa Quebranta Software, S.L.;B;6201;Software para el sector marítimo;Santander;39004;de 10 a 49;01/10/2016;
Hayedo Sistemas de Gestión, S.L.;B;6201;ERP para pymes;Torrelavega;39300;22;14/03/2016;
Pindial Informática, Soc. Coop.;F;6203;Gestión de recursos informáticos;Torrelavega;39316;11;19/07/2018;
Picos Virtuales Realidad Aumentada, S.L.;B-;59.12;Realidad virtual y aumentada;Potes;39570;4;25/02/2021;
Güestia Nube, S.L.;B;6311;Copias de seguridad en la nube;Camargo;39600;n.d.;16/12/2020;
Abra Inventada Electrónica, S.A.;A;2611;Componentes electrónicos;El Astillero;39610;de 50 a 249;14/03/2016;
Tresmares Ficción Consultores, S.L.;B;7022;Consultoría de transformación digital;Santander;39003;16;07/03/2017;
Marisma Logística Digital, S.L.;B;52.29;Trazabilidad logística;Colindres;39750;45;12/09/2019;
Sel de la Vaca Agrotech, S.L.;b;6201;Software para ganadería;Selaya;39696;8;03/06/2022;
Campurriana de Impresión 3D, S.L.;B;2550;Fabricación aditiva;Campoo de Enmedio;39212;19;20/04/2018;
Bahía Soñada Fintech, S.L.;B;6619;Plataforma de pagos;Santander;39002;13;08/11/2021;
Torre del Merino Hosting, S.L.;B;6311;Alojamiento web;Santillana del Mar;39330;3;15/01/2018;
Jándalo E-commerce, S.L.;B;4791;Comercio electrónico de productos cántabros;Santoña;39740;17;29/09/2020;
Verdeagua IoT, S.L.;B;36;Telelectura de contadores de agua;Polanco;39313;21;10/10/2019;
Energía Trasmiera Digital, S.L.;B;3519;Gestión inteligente de la energía;Medio Cudeyo;39724;38;14/03/2016;
Ábrego Formación TIC, S.L.;B;8559;Formación en competencias digitales;Santander;39008;10;06/06/2017;
Montañesa de Certificación Digital, S.A.;A;6202;Firma y certificación electrónica;Santander;39011;26;14/03/2016;
Siete Valles Marketing Digital, S.L.;B!;7311;Publicidad en línea;Suances;39340;9;17/05/2021;
Cabarga Inventos Electrónicos;;2620;Ordenadores embebidos;Villaescusa;39690;n.d.;02/02/2023;
Covadonga Ficticia Inventada;P;6201;Programación por cuenta propia;Comillas;39520;1;23/01/2024;
Universidad Imaginaria del Cantábrico;Q;8543;Enseñanza universitaria;Santander;39005;1.250;14/03/2016;
Centro Tecnológico Ficticio de Componentes Digitales;G;72.19;Investigación aplicada;Santander;39011;de 50 a 249;14/03/2016;
Fundación Anjana para la Sociedad Digital;G-;9499;Promoción de la innovación;Santander;39001;12;28/11/2016;
Agencia Inventada de Desarrollo Regional;S;8413;Promoción económica;Santander;39011;86;14/03/2016;
Ría Ficticia Consultoría Cloud, S.L.;B;62.02;Consultoría de nube;Bilbao;48009;72;04/07/2019;
Meseta Supuesta Ciberdefensa, S.A.;A;6202;Ciberdefensa;Madrid;28020;1.430;30/03/2022;
Sella Imaginario Software, S.L.;B;6201;Software industrial;Gijón;33203;29;11/06/2020;
Molino Virtual Aplicaciones, S.L.;B;6201;Aplicaciones móviles;Santander;39006;15;14/03/2016;31/12/2021
Cierzo Prestado Redes, S.L.;B;6110;Redes inalámbricas;Reinosa;39200;8;20/02/2017;30/06/2024
"""

# The forces that a member says it serves, by its line; who is not here has said nothing.
DECLARED = {
    1: "Inteligencia artificial, Nube", 2: "Inteligencia artificial", 3: "Nube; Ciberseguridad", 4: "Conectividad", 5: "Ciberseguridad",
    6: "Nube", 9: "5G, Conectividad", 10: "Computación cuántica", 11: "5G", 13: "Nube, inteligencia artificial", 14: "Inteligencia artificial",
    16: "Inteligencia Artificial", 17: "Conectividad", 22: "Nube", 24: "Nube, Ciberseguridad", 29: "Nube", 34: "Ciberseguridad",
    38: "COMPUTACION CUANTICA, Inteligencia artificial", 39: "Inteligencia artificial, Computación cuántica", 42: "Nube",
    43: "Ciberseguridad", 46: "Conectividad",
}  # fmt: skip


def tera_number(kind, number):
    """A member's tax number as the list spells it: `!` with a wrong control character, `-` with a hyphen."""
    if kind == "P":
        return person(number)
    if not kind:
        return ""
    nif = entity(next(c for c in kind.upper().removeprefix("ES") if c.isalpha()), 17 * number)
    if "!" in kind:
        nif = nif[:-1] + "JABCDEFGHI"[("JABCDEFGHI".index(nif[-1]) + 3) % 10]
    if "-" in kind:
        nif = f"{nif[0]}-{nif[1:]}"
    nif = nif.lower() if kind[0].islower() else nif
    return "ES" + nif if kind.startswith("ES") else nif


def tera_lines():
    return list(enumerate(csv.reader(io.StringIO(TERA.strip()), delimiter=";"), start=1))


def tera_members():
    """The legal entities among the members, with tax numbers that are right, for the lists of other clusters."""
    found = []
    for number, (name, kind, cnae, activity, town, postal, staff, *_) in tera_lines():
        letters = [c for c in kind.upper().removeprefix("ES") if c.isalpha()]
        if letters and kind != "P":
            web = f"https://socio{number:02d}.ejemplo.invalid"
            found.append({
                "name": name, "nif": entity(letters[0], 17 * number), "cnae": cnae, "activity": activity, "town": town, "postal": postal,
                "staff": int(staff.replace(".", "")) if staff.replace(".", "").isdigit() else staff, "web": web,
            })  # fmt: skip
    return found


def tera_csv():
    rows = []
    employees = 0
    for number, line in tera_lines():
        name, kind, cnae, activity, town, postal, staff, joined, left = line
        nif = tera_number(kind, number)
        contact = [f"Contacto Ficticio {number:02d}", f"contacto{number:02d}@ejemplo.invalid", f"942 000 {number:03d}"]
        web = f"https://socio{number:02d}.ejemplo.invalid" if number % 5 else f"www.socio{number:02d}.ejemplo.invalid"
        rows.append([name, nif, cnae, activity, town, postal, *contact, "" if number % 11 == 0 else web, staff, joined, left, DECLARED.get(number, "")])
        if staff.replace(".", "").isdigit():
            employees += int(staff.replace(".", ""))
    blank = [""] * len(TERA_HEADER.split(";"))
    total_row = ["TOTAL", *blank[1:10], f"{employees:,}".replace(",", "."), "", "", ""]
    out = io.StringIO()
    writer = csv.writer(out, delimiter=";", lineterminator="\r\n")
    writer.writerow(TERA_HEADER.split(";"))
    writer.writerows([*rows[:41], blank, *rows[41:], blank, total_row])
    return out.getvalue()
