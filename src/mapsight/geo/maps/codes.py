"""Codes for ways: what numbers and letters in the class columns of known models mean.

Each table is that of the model's own documentation: US Census MTFCC and CFCC, Germany's ATKIS,
swissTLM3D, Digiroad and Maastotietokanta, NWB, OS VectorMap, GSI, HERE, TomTom, FHWA, gROADS,
SpaceNet, Geofabrik. A code that is not in its table is unknown, and so is no road.
"""

from __future__ import annotations

import re

from mapsight.geo.maps.words import Meaning

_ROADS = {
    "M": "motorway", "ML": "motorway_link", "T": "trunk", "P": "primary", "S": "secondary",
    "3": "tertiary", "R": "residential", "U": "unclassified", "V": "service", "L": "living_street",
    "Q": "road", "B": "busway", "TL": "trunk_link", "PL": "primary_link", "SL": "secondary_link",
    "3L": "tertiary_link",
}  # fmt: skip
_OTHERS = {
    "rail": "railway", "water": "waterway", "track": "track", "path": "path", "foot": "footway",
    "cycle": "cycleway", "steps": "steps", "ped": "pedestrian", "air": "runway",
}  # fmt: skip


def _table(text: str) -> dict[str, Meaning]:
    """'M:1,2 rail:7 no:9' → {'1': motorway, '2': motorway, '7': railway, '9': no road}."""
    table = {}
    for entry in text.split():
        short, _, codes = entry.partition(":")
        meaning = Meaning("", "")
        if short in _ROADS:
            meaning = Meaning("road", _ROADS[short])
        elif short in _OTHERS:
            meaning = Meaning("other", _OTHERS[short])
        for code in codes.split(","):
            table[code] = meaning
    return table


_MTFCC = _table(
    "M:s1100 S:s1200 R:s1400 track:s1500 ML:s1630 V:s1640,s1730,s1740,s1780 foot:s1710 steps:s1720"
    " no:s1750,s2000,s1810 cycle:s1820 path:s1830 rail:r1011,r1051,r1052"
)
_CFCC = _table(
    "M:a11,a12,a13,a14,a15,a16,a17,a18 P:a20,a21,a22,a23,a24,a25,a26,a27,a28"
    " S:a30,a31,a32,a33,a34,a35,a36,a37,a38 R:a40,a41,a42,a43,a44,a45,a46,a47,a48 R:a49"
    " track:a50,a51,a52,a53 ML:a60,a63 Q:a61,a62 V:a64,a73,a74 no:a65 foot:a71 steps:a72"
)
_FUNC_CLASS = _table("M:1 P:2 S:3 3:4 R:5")  # HERE
_FHWA = _table("M:1,2 P:3 S:4 3:5,6 R:7,8,9 M:11,12 P:14 S:16 3:17 R:19")
_FRC = _table("M:0 P:1,2 S:3 3:4,5 R:6,7 V:8")  # TomTom; the GIP's first nine say the same
_FOW = _table("M:1 Q:2,3,4,5,6 ML:10 V:11,12,20 ped:14 foot:15 steps:19 no:17,18")
_ROAD_TYPE = _table("M:1 P:2 S:3 3:4 R:5 U:6 track:7")  # SpaceNet
_GROADS = _table("Q:0 T:1 P:2 S:3 3:4 R:5 path:6 V:7")
_GEOFABRIK = _table(
    "M:5111 T:5112 P:5113 S:5114 3:5115 U:5121 R:5122 L:5123 ped:5124 B:5125 ML:5131 TL:5132"
    " PL:5133 SL:5134 3L:5135 V:5141 track:5142,5143,5144,5145,5146,5147 path:5151,5154 cycle:5152"
    " foot:5153 steps:5155 rail:6101,6102,6103,6104,6105,6106,6107,6108,6109"
    " no:6111,6112,6113,6119 water:8101,8102,8103,8104"
)
_WDM = _table("M:1301 P:1303 S:1305 3:1306 R:1307 U:9999")  # 9997, 9998: nothing is said
_ATKIS = _table(
    "Q:42002,42003,42005 track:42006,42008 path:53003 rail:42010,42014,53004,53005"
    " water:44001,44002,44003,44004,44005,44006,44007 air:42015,42016 no:57002,57001,75003,75009"
    " no:75010,75011,51001,51002,51003,51004,51005,51006,51007,51008,51009,51010,61001,61002,61003"
    " no:61004,53001,53002,54001,71001,71002,71003,74001"
    # ATKIS before the year 2009
    " Q:3101,3104,3105,3106 track:3102 ped:3103 rail:3201,3203,3204,3205 no:3401,3402"
    " water:5101,5102,5103,5104,5111,5112"
)
_TLM = _table(
    "ML:0,1,4 M:2 V:3,5,6 S:8 R:9 U:10 V:11 ped:12 no:13,14 track:15 path:16,17 S:20 T:21"
)
_ATKIS_WAY = _table("track:1102,5211,5212 path:1105,1108,1111 foot:1103,1110 cycle:1106")
_DIGIROAD_CLASS = _table("P:1 S:2 3:3,4 R:5 U:6 track:7 foot:8")
_DIGIROAD_LINK = _table("M:1 Q:2,3,5 T:4 ML:6 V:7,10,11,13 cycle:8 ped:9 track:12 no:21")
_MTK = _table(
    "P:12111,12112 S:12121,12122 3:12131,12132 R:12141 track:12312,12316 path:12313 foot:12314"
    " rail:14110,14111,14112,14121,14131 no:12101,12102 water:36311,36312,36313"
)
_NVDB = _table("P:e,r S:f R:k V:p track:s")
_NVDB_NET = _table("Q:1 cycle:2 foot:4")
_NWB = _table(
    "Q:hr,rb,nrb,prb,mrb,drb,trb,min,gvb,bvb ML:opr,afr,vbd,vbi,vbk,vbr,vbs,vbw V:par,pkp,pkb,vwg"
    " B:bu,bst cycle:fp foot:vp ped:vz,vdf no:vv"
)
_OS_FEATURE = _table(
    "M:25710 P:25723 S:25729 3:25743 R:25750,25760 V:25780 ped:25790 rail:25300,25301,25302,25303"
    " water:25600,25608 no:25200,25102,25204"
)
_GSI = _table(
    "Q:2701,2711,2721 path:2702 foot:2703 steps:2704 rail:2801,2811 water:5301,5302 no:1211"
)
_TOMTOM_FEATURE = _table("Q:4110 no:4130,4165,4120")
_RTTYP = _table("M:i P:u S:s 3:c R:m,o")
_FACC = _table(
    "Q:ap030 track:ap010 path:ap050 rail:an010,an050,an060 water:bh140,bh020,bh030,bh141"
    " air:gb055,gb045 no:aq070,al070,al260,at030,at060,aq113,fa000,ba010,db010,ca010"
)
_FERRY = _table("Q:h no:b,r")  # HERE: H is no ferry
_FOR_CARS = _table("Q:y foot:n")
_RW_TYPE = _table("R:1 M:2 Q:3 foot:5 path:6 steps:7 V:8,10 ML:9 Q:13 no:12,14")  # New York
_NWB_KEEPER = _table("Q:r,p,g,w,t")  # who keeps a road; lanes of towns have no other code
_POLISH = _table("M:a T:s P:gp,g S:z 3:l R:d V:i,w")
_EDGE_FLAG = _table("Q:y no:n")
_USGS = _table("M:1 P:2 3:3 R:4 ML:5 track:6 no:7")
_KSJ = _table("P:0 S:1 R:2 M:3")  # GSI's rdCtg

#: Column (letters and digits of its name alone, in lower case) → code → meaning.
CODES: dict[str, dict[str, Meaning]] = {
    **dict.fromkeys(("mtfcc", "mtfcccode"), _MTFCC), "cfcc": _CFCC, "cfcc1": _CFCC,
    **dict.fromkeys(("funcclass", "fc"), _FUNC_CLASS),
    **dict.fromkeys(("functionalclass", "functclass", "fsystem", "fsystemv", "funclass"), _FHWA),
    **dict.fromkeys(("frc", "netclass"), _FRC), "fow": _FOW,
    **dict.fromkeys(("roadtype",), _ROAD_TYPE), "fclass": _GROADS,
    "code": _GEOFABRIK,
    **dict.fromkeys(("wdm", "widmung"), _WDM),
    **dict.fromkeys(("objart", "objektart"), _ATKIS | _TLM), "oba": _ATKIS,
    **dict.fromkeys(("art", "fkt", "wegart"), _ATKIS_WAY),
    "toiminnlk": _DIGIROAD_CLASS, "linkkityyp": _DIGIROAD_LINK, "linkkityyppi": _DIGIROAD_LINK,
    **dict.fromkeys(("kohdeluokk", "kohdeluokka"), _MTK),
    **dict.fromkeys(("vegkategori", "vegkategor"), _NVDB),
    **dict.fromkeys(("nattyp", "nettyp", "vagtrafiknat"), _NVDB_NET),
    **dict.fromkeys(("bstcode", "bst"), _NWB), "featcode": _OS_FEATURE, "featurecode": _OS_FEATURE,
    **dict.fromkeys(("ftcode", "vtcode"), _GSI), "rdctg": _KSJ, "vtrdctg": _KSJ,
    "feattyp": _TOMTOM_FEATURE, "rttyp": _RTTYP, "roadflg": _EDGE_FLAG, "tnmfrc": _USGS,
    "fcode": _FACC, "ferrytype": _FERRY, "arauto": _FOR_CARS, "rwtype": _RW_TYPE,
    "wegbehsrt": _NWB_KEEPER, "klasadrogi": _POLISH,
}  # fmt: skip

_CENSUS_LETTERS = {"r": Meaning("other", "railway"), "h": Meaning("other", "waterway")}


def read_code(column: str, value: str) -> Meaning | None:
    """What a code in a column means; None where column or code are not in the tables.

    Parameters
    ----------
    column
        The name as `plain_name` gives it.
    value
        As the table has it; whole numbers may end in '.0'.
    """
    table = CODES.get(column)
    if table is None:
        return None
    code = re.sub(r"\.0+$", "", value.strip().lower())
    if code.isdigit():
        code = code.lstrip("0") or "0"
    if code in table:
        return table[code]
    if table is _MTFCC and re.fullmatch(r"[a-z]\d{4}", code) and code[0] != "s":
        return _CENSUS_LETTERS.get(code[0], Meaning("", ""))
    if table is _CFCC and re.fullmatch(r"[b-hpx]\d\d", code):
        return {"b": _CENSUS_LETTERS["r"], "h": _CENSUS_LETTERS["h"]}.get(code[0], Meaning("", ""))
    return None


def plain_name(column: str) -> str:
    """Letters and digits of a column's name in lower case: `Road_Class` → `roadclass`."""
    return "".join(sign for sign in column.lower() if sign.isalnum())
