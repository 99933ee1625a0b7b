"""Names of columns under which maps of many countries and companies say what a way is."""

from __future__ import annotations

import re

from mapsight.geo.maps.codes import plain_name
from mapsight.geo.maps.roadclass import KEYS

OWN = "road_class"  #: of the maps that mapsight writes
#: Other keys of OpenStreetMap, which with such values tell the ways of a table apart.
OSM_SIGNS = {
    "barrier": frozenset(
        ["fence", "wall", "hedge", "city_wall", "retaining_wall", "guard_rail", "kerb", "ditch"]
    ),
    "power": frozenset(["line", "minor_line", "cable"]),
    "boundary": frozenset(
        ["administrative", "political", "maritime", "protected_area", "postal_code"]
    ),
    "aerialway": frozenset(
        ["cable_car", "gondola", "chair_lift", "drag_lift", "t-bar", "zip_line"]
    ),
    "man_made": frozenset(
        ["pipeline", "embankment", "dyke", "breakwater", "groyne", "pier", "cutline"]
    ),
    "natural": frozenset(["coastline", "cliff", "tree_row", "ridge", "arete"]),
}

# Names under which national and commercial models say what a way is; each is decisive by itself.
_SURE = frozenset(
    [
        "roadclass",
        "roadtype",
        "roadkind",
        "roadcategory",
        "roadclassification",
        "roadfunction",
        "roadcat",
        "rdclass",
        "rdtype",
        "mtfcc",
        "mtfcccode",
        "cfcc",
        "rttyp",
        "roadflg",
        "fclass",
        "functionalclass",
        "functclass",
        "funclass",
        "fsystem",
        "fsystemv",
        "funcclass",
        "frc",
        "fow",
        "netclass",
        "formofway",
        "routinghierarchy",
        "featurecla",
        "tnmfrc",
        "objart",
        "objarttxt",
        "objektart",
        "objarttext",
        "wdm",
        "wdmtxt",
        "widmung",
        "oba",
        "strassenklasse",
        "strklasse",
        "strassenart",
        "strassentyp",
        "strassenkategorie",
        "wegart",
        "wegtyp",
        "wegklasse",
        "nature",
        "natureroute",
        "typeroute",
        "classementroute",
        "typeveg",
        "vegkategori",
        "vegtype",
        "vegklasse",
        "vagtyp",
        "vagkategori",
        "vagklass",
        "vagtrafiknat",
        "nattyp",
        "nettyp",
        "vejkategori",
        "vejklasse",
        "vejtype",
        "toiminnlk",
        "linkkityyp",
        "linkkityyppi",
        "kohdeluokk",
        "kohdeluokka",
        "bstcode",
        "typeweg",
        "wegtype",
        "wegcategorie",
        "hoofdverkeersgebruik",
        "tipovia",
        "tipoviald",
        "clased",
        "tipotrecho",
        "tipotrechorod",
        "tipovial",
        "tiporodovia",
        "tipoestrada",
        "tipostrada",
        "categoriavia",
        "rdctg",
        "vtrdctg",
        "ftcode",
        "streetclass",
        "streetcategory",
        "wayclass",
        "waytype",
        "linkclass",
        "linktype",
        "highwaytype",
        "highwayclass",
        "feattyp",
        "featcode",
        "typevoie",
        "categorievoie",
        "rangevoie",
        "clasevia",
        "jerarquia",
        "typvag",
        "kategoriadrogi",
        "klasadrogi",
        "edgecat",
        "fcode",
        "ferrytype",
        "arauto",
        "rwtype",
        "wegbehsrt",
        "fcodedes",
    ]
)
# Names that may mean the class of anything: heeded where no sure one decides.
_LIKELY = frozenset(
    [
        "class",
        "type",
        "typ",
        "kind",
        "category",
        "categorie",
        "kategorie",
        "kategori",
        "categoria",
        "subtype",
        "subclass",
        "subtypecd",
        "function",
        "functie",
        "descriptivegroup",
        "funktion",
        "fonction",
        "funcion",
        "funzione",
        "klasse",
        "klass",
        "clase",
        "classe",
        "klassifikation",
        "classification",
        "classifica",
        "tipo",
        "art",
        "soort",
        "objtype",
        "objekttyp",
        "objekttype",
        "objecttype",
        "featuretype",
        "feature",
        "featuretyp",
        "klasa",
        "tyyppi",
        "luokka",
        "druh",
        "typid",
        "lokaltyp",
        "fkt",
    ]
)
_KIND_WORDS = (
    "type|typ|class|klass|klasse|classe|clase|category|kategorie|kategori|categoria|kind|tipo"
)
_ABOUT_WORDS = (
    "road|roads|rd|strassen|strasse|str|way|weg|veg|vei|vag|vej|via|rue|route|line|linear|feat|objekt"
    "|object|obj|segment|seg|edge|link|transport|trans|osm|map|main|func|functional|network|net|hwy"
)
_LIKELY_PATTERN = re.compile(
    rf"(?:{_ABOUT_WORDS})[_ ]?(?:{_KIND_WORDS})s?|(?:{_KIND_WORDS})[_ ]?(?:{_ABOUT_WORDS})"
)
# Columns of names, addresses and surfaces hold words for roads without saying what the way is.
_NEVER = re.compile(
    r"name|nom|nombre|navn|street|address|surface|suffix|prefix|label|ref|source|layer_id|owner|city"
    r"|state|county|comment|note|url|date|time|user|id$|bridge|tunnel|lane|pave|oneway|one_way"
)


def is_class_column(column: str) -> bool:
    """Whether a column of this name may say what a way is."""
    lower = column.lower()
    return lower in (OWN, *KEYS, *OSM_SIGNS) or is_sure(lower) or is_likely(lower)


def is_sure(column: str) -> bool:
    """Whether the name alone makes it the column that says what a way is."""
    name = plain_name(column)
    return name in _SURE or name in _SHORT_SURE


def is_likely(column: str) -> bool:
    """Whether the name is that of a class, though perhaps of something else's."""
    return plain_name(column) in _LIKELY or bool(_LIKELY_PATTERN.fullmatch(column))


def is_about_else(column: str) -> bool:
    """Whether the name is that of something else, which may hold the same words."""
    return bool(_NEVER.search(column))


# Shapefiles keep ten letters of a name.
_SHORT_SURE = frozenset(name[:10] for name in _SURE if len(name) > 10)
