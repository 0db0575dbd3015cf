"""What the tables of surveys.py hold: indicators with their levels, and for each table its years and series."""

from businesses import ALL, MICRO, NATIONAL_SECTORS, REGIONAL_SECTORS, REGIONS, SIZES
from businesses import SPAIN as ALL_OF_SPAIN

# `spain`: percentage in some years, of all enterprises, or of those that `of` counts. `profile` and `force`: how the
# activities differ; `size`: how much more the next larger size class does. Levels follow what INE and Eurostat say of
# Spain as a whole where they are known, and are plausible elsewhere.
INDICATORS = {
    "E_IUSE": {"spain": {2016: 98.4, 2025: 98.9}, "force": 0.4, "size": 0.5},
    "E_IUSE_GT10": {"of": "E_IUSE", "spain": {2021: 88, 2025: 92}},
    "E_IUSE_GT50": {"of": "E_IUSE_GT10", "spain": {2021: 58, 2025: 68}, "force": 2.5, "size": -0.4},
    "P_IUSE": {"spain": {2021: 62, 2025: 67.4}, "force": 0.9, "size": 0.05},
    "E_FIXBB": {"spain": {2021: 95, 2025: 97.2}, "force": 0.4, "size": 0.4},
    "E_ISPDF1_GE30": {"of": "E_FIXBB", "spain": {2021: 92, 2025: 97}},
    "E_ISPDF1_GE100": {"of": "E_ISPDF1_GE30", "spain": {2021: 80, 2025: 92}},
    "E_ISPDF_GE1G": {"of": "E_ISPDF1_GE100", "spain": {2021: 17, 2025: 34}, "force": 1.2, "size": 1.0},
    "E_CC": {"spain": {2014: 14, 2025: 41.7}},
    "E_CC1_SI": {"of": "E_CC", "spain": {2021: 86, 2025: 89}},
    "E_CC1_S": {"of": "E_CC1_SI", "spain": {2021: 88, 2025: 85}},
    "E_CC_PEM": {"of": "E_CC", "spain": {2018: 73, 2025: 76}},
    "E_CC_PSEC": {"of": "E_CC", "spain": {2021: 52, 2025: 61}},
    "E_CC_PCPU": {"of": "E_CC", "spain": {2018: 25, 2025: 33}},
    "E_DA": {"spain": {2023: 38, 2025: 47}, "size": 0.9},
    "E_DAOWN": {"of": "E_DA", "spain": {2023: 84, 2025: 84}},
    "E_DAEXT": {"of": "E_DA", "spain": {2023: 41, 2025: 43}},
    "E_DASERP": {"of": "E_DAOWN", "spain": {2023: 87, 2025: 88}},
    "E_DASWEB": {"of": "E_DAOWN", "spain": {2023: 38, 2025: 36}},
    "E_BD": {"spain": {2016: 9, 2018: 11}, "size": 0.9},
    "E_BDA": {"spain": {2020: 9}, "size": 0.9},
    "E_BDAINT": {"of": "E_BDA", "spain": {2020: 85}},
    "E_BDAEXT": {"of": "E_BDA", "spain": {2020: 32}},
    "E_IOT": {"spain": {2020: 17}, "profile": "industry"},
    "E_IOT1": {"spain": {2021: 27}, "profile": "industry"},
    "E_IOTDEC1": {"of": "E_IOT1", "spain": {2021: 34}},
    "E_IOTDSEC": {"of": "E_IOT1", "spain": {2021: 70}},
    "E_IOTDPP": {"of": "E_IOT1", "spain": {2021: 24}, "profile": "industry", "force": 4},
    "E_SECMGE1": {"spain": {2022: 91, 2024: 92.5}, "force": 0.6},
    "E_SECMGE3": {"of": "E_SECMGE1", "spain": {2022: 82, 2024: 84}},
    "E_SECMGE5": {"of": "E_SECMGE3", "spain": {2022: 66, 2024: 69}},
    "E_SECMSPSW": {"of": "E_SECMGE1", "spain": {2022: 86, 2024: 88}},
    "E_SECMOSBU": {"of": "E_SECMGE1", "spain": {2022: 83, 2024: 84}},
    "E_SECMDUO": {"of": "E_SECMGE1", "spain": {2022: 39, 2024: 46}},
    "E_SECMDENC": {"of": "E_SECMGE1", "spain": {2022: 43, 2024: 45}},
    "E_SECMUIBM": {"of": "E_SECMGE1", "spain": {2022: 14, 2024: 17}},
    "E_SEC2IANY": {"spain": {2022: 17, 2024: 19}, "size": 0.5},
    "E_SEC2IUSV": {"of": "E_SEC2IANY", "spain": {2022: 86, 2024: 87}},
    "E_SEC2IUSVA": {"of": "E_SEC2IUSV", "spain": {2022: 19, 2024: 18}},
    "E_SEC2IDCD": {"of": "E_SEC2IANY", "spain": {2022: 24, 2024: 22}},
    "E_SEC2ICNF": {"of": "E_SEC2IANY", "spain": {2022: 8, 2024: 9}},
    "E_ITSP2": {"spain": {2018: 18, 2024: 14.6}, "force": 0.8, "size": 1.3},
    "E_ITT2": {"spain": {2018: 23, 2020: 20.5, 2024: 21}, "size": 1.0},
    "E_WEB": {"spain": {2019: 75, 2025: 80}, "force": 0.5},
    "E_WEBACC": {"of": "E_WEB", "spain": {2019: 84, 2025: 86}},
    "E_WEBORD": {"of": "E_WEB", "spain": {2019: 20, 2025: 25}, "profile": "commerce", "force": 3},
    "E_WEBSM": {"of": "E_WEB", "spain": {2019: 52, 2025: 62}},
    "E_SM1_ANY": {"spain": {2019: 52, 2025: 68}, "force": 0.5},
    "E_SM1_SNET": {"of": "E_SM1_ANY", "spain": {2019: 95, 2025: 97}},
    "E_SM1_GE2": {"of": "E_SM1_ANY", "spain": {2019: 53, 2025: 56}},
    "E_AESELL": {"spain": {2021: 27, 2023: 31.7, 2025: 26.6}, "profile": "commerce"},
    "E_ESELL": {"of": "E_AESELL", "spain": {2021: 90, 2025: 90}},
    "E_AWSELL": {"of": "E_AESELL", "spain": {2021: 82, 2025: 85}, "profile": "commerce"},
    "E_AXSELL": {"of": "E_AESELL", "spain": {2021: 29, 2025: 26}, "profile": "industry", "force": 2},
    "E_ETURN": {"spain": {2021: 18, 2025: 19.5}, "profile": "commerce", "size": 0.6},
    "E_AWSVAL": {"of": "E_ETURN", "spain": {2021: 43, 2025: 49}, "profile": "commerce"},
    "E_BSANY": {"spain": {2023: 58, 2025: 60}, "force": 0.5, "size": 0.9},
    "E_ERP1": {"of": "E_BSANY", "spain": {2023: 86, 2025: 86}, "profile": "industry"},
    "E_CRM1": {"of": "E_BSANY", "spain": {2023: 45, 2025: 46}},
    "E_ITBI": {"of": "E_BSANY", "spain": {2023: 31, 2025: 33}},
    "E_INV4S_AP": {"spain": {2018: 33, 2023: 38}, "force": 0.4},
    "E_DI3_GELO": {"spain": {2021: 63, 2025: 75}},
    "E_DI3_HI": {"of": "E_DI3_GELO", "spain": {2021: 38, 2025: 43}},
    "E_DI3_VHI": {"of": "E_DI3_GELO", "spain": {2021: 7, 2025: 14}, "force": 1.5},
    "E_DI4_GELO": {"spain": {2022: 68, 2024: 72}},
    "E_DI4_HI": {"of": "E_DI4_GELO", "spain": {2022: 36, 2024: 37}},
    "E_DI4_VHI": {"of": "E_DI4_GELO", "spain": {2022: 5.4, 2024: 9.4}, "force": 1.5},
}

# What follows from others: {code: factor}, with none for 100 %.
DERIVED = {
    "E_ISPDF_LT30": {"E_FIXBB": 1, "E_ISPDF1_GE30": -1},
    "E_ISPDF1_30_100": {"E_ISPDF1_GE30": 1, "E_ISPDF1_GE100": -1},
    "E_ISPDF_100_500": {"E_ISPDF1_GE100": 0.6, "E_ISPDF_GE1G": -0.6},
    "E_ISPDF_500_1G": {"E_ISPDF1_GE100": 0.4, "E_ISPDF_GE1G": -0.4},
    "E_DI3_LO": {"E_DI3_GELO": 1, "E_DI3_HI": -1, "E_DI3_VHI": -1},
    "E_DI3_VLO": {None: 1, "E_DI3_GELO": -1},
    "E_DI4_LO": {"E_DI4_GELO": 1, "E_DI4_HI": -1, "E_DI4_VHI": -1},
    "E_DI4_VLO": {None: 1, "E_DI4_GELO": -1},
}
# Years in which a question was asked, where that is fewer than the table's; by the beginning of the code.
ASKED = {
    "E_DI3": (2021, 2023, 2025), "E_DI4": (2022, 2024), "E_BD": (2016, 2018), "E_BDA": (2020,), "E_IOT": (2020,),
    "E_IOT1": (2021,), "E_IOTD": (2021,), "E_CC1": (2021, 2023, 2024, 2025), "E_CC_PSEC": (2021, 2023, 2024, 2025),
}  # fmt: skip
# Indicators that count what a unit is a percentage of.
UNIVERSES = {"PC_ENT_IUSE": "E_IUSE", "PC_ENT_CC": "E_CC", "PC_ENT_DAOWN": "E_DAOWN", "PC_ENT_FIXBB": "E_FIXBB"}

# Spain and its communities, the Union, and some others.
SPAIN = [region for region in ALL_OF_SPAIN if REGIONS[region]["level"] != "nuts1"]
ABROAD = ["AT", "AT13", "BG41", "DE", "EU27_2020", "FR", "HU", "HU11", "IT", "PT", "RO32", "SI04", "SK01"]
COUNTRIES = ["DE", "ES", "EU27_2020", "FR", "IT", "PT"]


def regional(years, indicators, shares=(), unit="PC_ENT"):
    """The first indicator everywhere, the others in Spain: by activity only for all of it and Cantabria."""
    first, *others = indicators
    series = [("GE10", sector, first, unit, region) for sector in REGIONAL_SECTORS for region in SPAIN + ABROAD]
    for region in SPAIN:
        sectors = REGIONAL_SECTORS if region in ("ES", "ES13") else [ALL]
        series += [("GE10", sector, code, unit, region) for sector in sectors for code in others]
        series += [("GE10", ALL, code, of, region) for code in indicators for of in shares]
    return {"years": years, "series": series}


def by_activity(years, indicators, shares=(), unit="PC_ENT", sectors=NATIONAL_SECTORS):
    """The first indicator by fine activity, the others by the aggregates that regions have."""
    first, *others = indicators
    series = [("GE10", sector, first, unit, region) for sector in sectors for region in ("ES", "EU27_2020", "PT")]
    series += [("GE10", ALL, code, unit, region) for code in indicators for region in COUNTRIES]
    coarse = [sector for sector in sectors if sector in REGIONAL_SECTORS]
    series += [("GE10", sector, code, unit, "ES") for sector in coarse for code in others]
    series += [("GE10", ALL, code, of, region) for code in indicators for of in shares for region in COUNTRIES]
    return {"years": years, "series": series}


def by_size(years, indicators, shares=(), unit="PC_ENT"):
    """Fewer than 10 persons in the countries that ask them."""
    large = ("10-249", "10-49", "50-249", "GE10", "GE250")
    series = [
        (size, ALL, code, unit, region)
        for code in indicators
        for size in SIZES
        for region in COUNTRIES
        if size in large or region in MICRO
    ]
    series += [("GE10", ALL, code, of, region) for code in indicators for of in shares for region in COUNTRIES]
    return {"years": years, "series": series}


# Sections and their parts that the table of big data does not have.
NOT_BIG_DATA = ("C19", "C20", "C21", "C22_C23", "C27", "C28", "D", "D35", "E", "L", "L_M", "M", "M69-M71", "M72", "M73-M75")
BIG_DATA_SECTORS = [sector for sector in NATIONAL_SECTORS if sector not in NOT_BIG_DATA]

SPEEDS = ["E_FIXBB", "E_ISPDF_LT30", "E_ISPDF1_30_100", "E_ISPDF_100_500", "E_ISPDF_500_1G", "E_ISPDF_GE1G", "E_ISPDF1_GE30",
          "E_ISPDF1_GE100"]  # fmt: skip
MEASURES = ["E_SECMSPSW", "E_SECMOSBU", "E_SECMDENC", "E_SECMDUO", "E_SECMUIBM"]
INCIDENTS = ["E_SEC2IANY", "E_SEC2IUSV", "E_SEC2IUSVA", "E_SEC2IDCD", "E_SEC2ICNF"]
IUSE = ["PC_ENT_IUSE"]
SINCE_2023 = (2023, 2024, 2025)
SINCE_2021 = (2021, 2022, *SINCE_2023)
CLOUD = ["E_CC", "E_CC1_SI", "E_CC1_S", "E_CC_PEM", "E_CC_PSEC", "E_CC_PCPU"]
ANALYTICS = ["E_DA", "E_DAOWN", "E_DAEXT", "E_DASERP", "E_DASWEB"]
INTENSITY = [f"E_DI{version}_{level}" for version in (4, 3) for level in ("GELO", "VLO", "LO", "HI", "VHI")]

TABLES = {
    "isoc_r_cicce_usen2": regional(SINCE_2023, ["E_CC"], IUSE),
    "isoc_r_eb_dan2": regional(SINCE_2023, ["E_DA", "E_DAOWN", "E_DAEXT"], IUSE),
    "isoc_r_ci_it_en2": regional(SINCE_2023, SPEEDS, ["PC_ENT_FIXBB"]),
    "isoc_r_ci_in_en2": regional(SINCE_2023, ["E_IUSE", "E_IUSE_GT10", "E_IUSE_GT50"]),
    "isoc_r_ci_cm_pn2": regional(SINCE_2023, ["P_IUSE"], unit="PC_EMP"),
    "isoc_r_ec_eseln2": regional(SINCE_2023, ["E_AWSELL"], IUSE),
    "isoc_r_ec_evaln2": regional(SINCE_2023, ["E_AWSVAL"], unit="PC_TURN"),
    "isoc_r_eb_iipn2": regional((2023, 2025), ["E_BSANY", "E_ERP1", "E_CRM1", "E_ITBI"], IUSE),
    "isoc_r_eb_icsn2": regional((2023,), ["E_INV4S_AP"], IUSE),
    "isoc_r_cisce_ran2": regional((2024,), MEASURES, IUSE),
    "isoc_r_cisce_icn2": regional((2024,), INCIDENTS, IUSE),
    "isoc_r_ske_itspen2": regional((2024,), ["E_ITSP2"]),
    "isoc_cicce_use": by_size((2018, 2020, 2021, 2023, 2024, 2025), CLOUD, [*IUSE, "PC_ENT_CC"]),
    "isoc_cicce_usen2": by_activity((2018, 2020, 2021, 2023, 2024, 2025), CLOUD, [*IUSE, "PC_ENT_CC"]),
    "isoc_eb_das": by_size(SINCE_2023, ANALYTICS, [*IUSE, "PC_ENT_DAOWN"]),
    "isoc_eb_dan2": by_activity(SINCE_2023, ANALYTICS, [*IUSE, "PC_ENT_DAOWN"]),
    "isoc_eb_bd": by_size((2016, 2018, 2020), ["E_BD", "E_BDA", "E_BDAINT", "E_BDAEXT"]),
    "isoc_eb_bdn2": by_activity((2016, 2018, 2020), ["E_BD", "E_BDA", "E_BDAINT", "E_BDAEXT"], sectors=BIG_DATA_SECTORS),
    "isoc_eb_iot": by_size((2020, 2021), ["E_IOT1", "E_IOT", "E_IOTDEC1", "E_IOTDSEC", "E_IOTDPP"]),
    "isoc_eb_iotn2": by_activity((2020, 2021), ["E_IOT1", "E_IOT", "E_IOTDEC1", "E_IOTDSEC", "E_IOTDPP"]),
    "isoc_cisce_ra": by_size((2022, 2024), ["E_SECMGE1", "E_SECMGE3", "E_SECMGE5", *MEASURES], IUSE),
    "isoc_cisce_ran2": by_activity((2022, 2024), ["E_SECMGE1", "E_SECMGE3", "E_SECMGE5", *MEASURES], IUSE),
    "isoc_cisce_ic": by_size((2022, 2024), INCIDENTS, IUSE),
    "isoc_cisce_icn2": by_activity((2022, 2024), INCIDENTS, IUSE),
    "isoc_ci_in_es": by_size(SINCE_2021, ["E_IUSE", "E_IUSE_GT10", "E_IUSE_GT50"]),
    "isoc_ci_in_en2": by_activity(SINCE_2021, ["E_IUSE", "E_IUSE_GT10", "E_IUSE_GT50"]),
    "isoc_ci_it_es": by_size(SINCE_2023, SPEEDS),
    "isoc_ci_it_en2": by_activity(SINCE_2023, SPEEDS),
    "isoc_ci_cm_ps": by_size(SINCE_2021, ["P_IUSE"], unit="PC_EMP"),
    "isoc_ci_cm_pn2": by_activity(SINCE_2021, ["P_IUSE"], unit="PC_EMP"),
    "isoc_ciweb": by_size((2019, 2021, 2023, 2025), ["E_WEB", "E_WEBACC", "E_WEBORD", "E_WEBSM"], IUSE),
    "isoc_ciwebn2": by_activity((2019, 2021, 2023, 2025), ["E_WEB", "E_WEBACC", "E_WEBORD", "E_WEBSM"], IUSE),
    "isoc_cismt": by_size((2019, 2021, 2023, 2025), ["E_SM1_ANY", "E_SM1_SNET", "E_SM1_GE2"], IUSE),
    "isoc_cismtn2": by_activity((2019, 2021, 2023, 2025), ["E_SM1_ANY", "E_SM1_SNET", "E_SM1_GE2"], IUSE),
    "isoc_ec_esels": by_size(SINCE_2021, ["E_AESELL", "E_ESELL", "E_AWSELL", "E_AXSELL"]),
    "isoc_ec_eseln2": by_activity(SINCE_2021, ["E_AESELL", "E_ESELL", "E_AWSELL", "E_AXSELL"]),
    "isoc_ec_evals": by_size(SINCE_2021, ["E_ETURN", "E_AWSVAL"], unit="PC_TURN"),
    "isoc_ec_evaln2": by_activity(SINCE_2021, ["E_ETURN", "E_AWSVAL"], unit="PC_TURN"),
    "isoc_eb_iip": by_size((2023, 2025), ["E_BSANY", "E_ERP1", "E_CRM1", "E_ITBI"], IUSE),
    "isoc_eb_iipn2": by_activity((2023, 2025), ["E_BSANY", "E_ERP1", "E_CRM1", "E_ITBI"], IUSE),
    "isoc_eb_ics": by_size((2018, 2020, 2023), ["E_INV4S_AP"]),
    "isoc_eb_icsn2": by_activity((2018, 2020, 2023), ["E_INV4S_AP"]),
    "isoc_ske_itspe": by_size((2018, 2019, 2020, 2022, 2024), ["E_ITSP2"]),
    "isoc_ske_itspen2": by_activity((2018, 2019, 2020, 2022, 2024), ["E_ITSP2"]),
    "isoc_ske_itts": by_size((2018, 2019, 2020, 2022, 2024), ["E_ITT2"]),
    "isoc_ske_ittn2": by_activity((2018, 2019, 2020, 2022, 2024), ["E_ITT2"]),
    "isoc_e_dii": by_size(SINCE_2021, INTENSITY),
    "isoc_e_diin2": by_activity(SINCE_2021, [code for code in INTENSITY if not code.endswith("LO") or code.endswith("GELO")]),
}
