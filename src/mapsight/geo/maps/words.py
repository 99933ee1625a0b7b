"""What words for ways mean: the classes of OpenStreetMap and of national maps in their tongues.

A value is first looked up whole, then searched for words. What cannot be a road is searched first:
a 'road boundary' is a boundary, a 'Straßenbahn' is no 'Straße', a 'cycle route' is no 'route'.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from typing import NamedTuple

#: Values of a column that tell what the geometry is, not what the way is.
SAYS_NOTHING = frozenset(
    [
        "way",
        "relation",
        "node",
        "feature",
        "line",
        "linestring",
        "multilinestring",
        "polyline",
        "multiline",
        "segment",
        "edge",
        "link",
        "arc",
        "curve",
        "connector",
        "none",
        "null",
        "nil",
        "nan",
        "na",
    ]
) | {"n a", "no data", "not available"}


class Meaning(NamedTuple):
    """role: 'road', 'plan' (not yet built), 'other' (explains a prediction), '' (no road)."""

    role: str
    road_class: str


_NO_ROAD = Meaning("", "")
_ROAD = "road"

# class → roads; whole values, as `plain` writes them
_WHOLE: dict[str, str] = {
    "motorway": "motorway|freeway|type autoroutier|autobahn|interstate|controlled access highway",
    "trunk": "trunk|expressway|expressway highway|highway|autostrasse|major highway|beltway",
    "primary": "primary|main road|national|first class|national primary|nh|arterial"
    "|principal arterial|a road|nationale|statale|us highway|bypass",
    "secondary": "secondary|regional|second class|national secondary|sh|b road|minor arterial"
    "|state highway|departementale|10m strasse|secondary highway|state route",
    "tertiary": "tertiary|third class|mdr|collector|major collector|minor collector|8m strasse"
    "|classified unnumbered",
    "residential": "residential|local|street|minor|minor road|local street|local road|6m strasse"
    "|local urban|urbano|urban|local strata|local unknown",
    "unclassified": "unclassified|fourth class|fifth class|odr|vr|barangay|not classified"
    "|4m strasse|route empierree|resource recreation",
    "living_street": "living street|gatetun|woonerf|spielstrasse|verkehrsberuhigter bereich",
    "service": "service|alley|alleyway laneway|driveway|parking aisle|private|3m strasse"
    "|track road|dienstzufahrt|zufahrt|raststatte|raststaette|access|service lane|acesso",
    "busway": "busway|bus|guided busway|rapid transit|busbaan|bus guideway road",
    "motorway_link": "motorway link|ausfahrt|einfahrt|verbindung|ramp|slip road|bretelle|rampe",
    "trunk_link": "trunk link",
    "primary_link": "primary link",
    "secondary_link": "secondary link",
    "tertiary_link": "tertiary link",
    "road": "road|roads|roadway|road or track|roundabout|rond point|single carriageway"
    "|collapsed dual carriageway|dual carriageway|enclosed traffic area|traffic island link"
    "|traffic island link at junction|shared use carriageway|provisorium|enkel bilveg"
    "|enkel bilvei|kanalisert veg|kanalisert vei|rundkjoring|secondary access road"
    "|restricted local access road",
}
_WHOLE_OTHER: dict[str, str] = {
    "railway": "rail|lgv|railway|railroad|tram|light rail|subway|narrow gauge|standard gauge"
    "|funicular|monorail|metro|bane|spor",
    "waterway": "river|河|강|stream|canal|ditch|drain|waterway|water|creek|brook|fluss|bach",
    "runway": "runway",
    "taxiway": "taxiway|taxilane",
    "track": "track|weg|fahrweg|chemin|camino|caminho|2m weg|2m wegfragment|4wd|winter"
    "|winter road|ax fahrwegachse|fahrwegachse|4x4|route 4x4",
    "path": "path|trail|markierte spur|sti|stig|pad|senda|1m weg|1m wegfragment|klettersteig"
    "|bridleway|ax weg pfad steig|weg pfad steig|ax wegpfadsteig",
    "footway": "footway|sidewalk|crosswalk|fortau|pedestrian path|gang og sykkelveg|gangfelt",
    "pedestrian": "pedestrian|platz|gagate|pedestrianised street|place|square",
    "cycleway": "cycleway|bike|bikeway",
    "steps": "steps|stairs|stairway|trapp|treppe|trap|escalier",
    "raceway": "raceway",
    "bus_guideway": "bus guideway",
    "platform": "platform",
}
_WHOLE_NO = (
    "ferry|faehre|fahre|autozug|boundary|fence|wall|hedge|barrier|power|pipeline|cliff|coastline"
    "|bilferje|passasjerferje|passenger ferry|bac|no|annet|rest area|services|corridor|elevator"
    "|bus stop|crossing|escape|proposed path|median|road median|parcel|building|contour"
)

# In order, the first that is found decides. Stems stand for compounds, so `\w*` is meant.
_SEARCHED: tuple[tuple[str, str, str], ...] = (
    ("", "", r"abandon\w*|disused|razed|demolished|dismantled|former|aufgelassen\w*|nedlagt\w*"
     r"|desaffecte\w*|removed|obsolete|historic\w*"),
    ("plan", "road", r"proposed|planned|projected|under construction|en construction|en projet"
     r"|geplant\w*|im bau|in costruzione|in progetto|en proyecto|planlagt\w*|planerad\w*"),
    ("", "", r"ferr(?:y|ies)|паром\w*|轮渡|航线|도선|\w*fa?ehr(?:e|en|verkehr|linie)?|\w*fahre"
     r"|\w*ferje\w*|\w*farj\w*|\w*farge|lossi|lautta\w*|traghett\w*|transbordador|balsa|veer\w*"
     r"|maritime|schifffahrt\w*|shipping|フェリー|航路"),
    ("", "", r"bound\w*|границ\w*|국경|경계\w*|border|\w*grenze|\w*grens|\w*grense|\w*grans"
     r"|limite\w*|confin[ei]\w*|frontera|frontier\w*|granica|hranice|境界|行政界|administrative"
     r"|parcels?|cadastr\w*"),
    ("", "", r"fenc\w*|забор\w*|оград\w*|围墙|围栏|울타리|walls?|hedge\w*|barriers?|\w*zaun"
     r"|\w*mauer|\w*hecke|cloture\w*|haies?|murs?|recinzion\w*|mur[oi]|siep[ei]|vallas?|cercas?"
     r"|hek|hekwerk|muur|haag|gjerde\w*|staket\w*|guard ?rail|hand ?rail|railing|leitplanke\w*"
     r"|kerbs?|curbs?|edge of|retaining|gates?|schranke\w*|noise barrier|塀|柵"),
    ("", "", r"power\w*|лэп|трубопровод\w*|电力线|管道|송전선|pipe ?lines?|cables?|transmission"
     r"|telephone|telecom\w*|electric\w*|\w*leitung|conduite\w*|electrique\w*|elettrodott\w*"
     r"|tendido|hoogspanning\w*|kraftlin\w*|kraftled\w*|gazoduc|oleoduc\w*|gasdott\w*"
     r"|\w*leiding|sewer\w*|utilit\w*|aqueduct|送電線|gas|oil"),
    ("", "", r"contours?|hohenlinie\w*|hoehenlinie\w*|courbes?|curvas? de nivel|ridge\w*"
     r"|cliff\w*|embankment|\w*damm|\w*damm\w*deich|\w*deich|levee|dikes?|dykes?|coast\w*"
     r"|shore\w*|kuste\w*|buildings?|gebaude|batiment|等高線|海岸線|tree row|tree line"
     r"|forest edge|runout"),
    ("", "", r"aerial\w*|chair ?lift|ski ?lift|cable ?car|gondola|\w*seilbahn\w*|\w*lift"
     r"|telepheri\w*|teleferic\w*|remontee\w*|funivia|seggiovia|taubane|索道"),
    ("other", "railway", r"rail\w*|\w*железн\w*|трамва\w*|地铁|轨道|철도\w*|demiryolu"
     r"|rel kereta\w*|سكة|tram\w*|metro\w*|subway|train\w*|monorail|funicul\w*"
     r"|(?!auto|bundesauto|stadtauto|fahr|roll|start|lande|reit|ax fahr)"
     r"\w*bahn(?:strecke|linie|gleis)?"
     r"|\w*bahn(?:strecke|gleis|linie)|\w*gleis\w*|schiene\w*|ferre[ea]s?|chemins? de fer"
     r"|ferrovi\w*|ferrocarril\w*|binari[oi]|\w*spoor\w*|\w*jernbane\w*|jarnvag\w*|rautati\w*"
     r"|kolej\w*|zelez\w*|鉄道|铁路|軌道"),
    ("other", "waterway", r"rivers?|рек[аи]|руч\w*|водоток\w*|канал\w*|河流|溪流|沟渠|하천|강"
     r"|nehir|dere|sungai|نهر|streams?|canals?|ditch\w*|drains?|drainage|creeks?|brooks?"
     r"|water\w*|\w*gew(?:a|ae)sser\w*|\w*graben|kanal\w*|flusse?|\w*bach|rivieres?|ruisseaux?"
     r"|fosse|fossat\w*|cours d eau|fium\w*|torrent\w*|corso d acqua|canal[ei]|rios?|arroyo"
     r"|acequia|\w*sloot|beek|rivier|watergang|\w*elv|\w*bekk|vassdrag|joki|puro|oja|vattendrag"
     r"|rzeka|potok|reka|hydro\w*|shoreline|corrego|riacho|河川|水路|水涯線|river\w*"),
    ("other", "runway", r"runways?|taxiways?|landebahn|startbahn|rollbahn|piste d atter\w*"
     r"|airport|airfield|aerodrom\w*|pista d aterr\w*"),
    ("other", "steps", r"steps?|stair\w*|treppe\w*|escaliers?|scalinat\w*|scale|escaleras?"
     r"|escadaria|\w*trapp|schody|portaat|石段|階段"),
    ("other", "cycleway", r"cycl\w*|bikes?|bike\w*|bicycle\w*|\w*radweg\w*|radfahr\w*"
     r"|fahrrad\w*|ciclab\w*|cicl\w*|carril bici|bici\w*|\w*fiets\w*|\w*sykkel\w*|\w*cykel\w*"
     r"|pyora\w*|rower\w*|自転車\w*"),
    ("other", "footway", r"foot\w*|пешеход\w*|тротуар\w*|步行\w*|人行\w*|보행\w*|산책로"
     r"|pedest\w*|side ?walks?|walk\w*|cross ?walks?|\w*gehweg\w*|fussweg\w*|fussgang\w*"
     r"|fussgaeng\w*|trottoirs?|pieton\w*|pedonal\w*|marciapied\w*|peaton\w*|aceras?|calcada"
     r"|\w*voetpad\w*|voetgang\w*|gangveg|gangvei|gang\w*|fortau\w*|gagate|jalkak\w*"
     r"|kevyen liikenteen|kavely\w*|chodnik\w*|promenade|\w*歩道|庭園路|庭園|歩行者\w*"),
    ("other", "path", r"paths?|троп\w*|小路|patika\w*|vandringsled\w*|pathways?|\w*trails?"
     r"|sentier\w*|senda|sendero\w*|\w*pfad\w*|\w*steig|wander\w*|\w*sti|\w*stig|polku\w*"
     r"|szlak\w*|trilhas?|via ferrata|mulattier\w*|bridle\w*|reitweg\w*|horse\w*|hik\w*"
     r"|equestri\w*|portage|snowmobile"),
    ("other", "track", r"tracks?|грунтов\w*|полев\w*|小道|\w*chemin|wirtschaftsweg\w*"
     r"|\w*feldweg\w*|forst\w*weg\w*|waldweg\w*|karren\w*|\w*fahrweg\w*|carrarecci\w*"
     r"|carreggiabil\w*|pista forestal|pistas?|traktorv\w*|skogsbilv\w*|traktor\w*|ajopol\w*"
     r"|carrocavel|four wheel\w*|4wd\w*|jeep\w*|cart\w*|landweg|zandweg|onverhard\w*|markvag"
     r"|skogsvag|unimproved|agricultural"),
    ("plan", "road", r"\w*tunnel\w*|トンネル|隧道|터널|souterrain\w*|galleria|тоннел\w*"),
    ("road", "motorway_link", r"ramps?|rampe[sn]?|slip\w*|bretelle\w*|\w*ausfahrt|\w*einfahrt"
     r"|svincol\w*|enlaces?|oprit\w*|afrit\w*|ramppi|avfart\w*|pafart\w*|\w*anschlussstelle"),
    ("road", "motorway", r"motorways?|freeways?|\w*autobahn\w*|autorout\w*|autostrad\w*"
     r"|autopista\w*|\w*snelweg\w*|motorv\w*|moottoriti\w*|auto ?estrada\w*|dalnic\w*"
     r"|interstate|高速\w*|高速公路|autocesta|autoput|магистраль"),
    ("road", "trunk", r"trunks?|express\w*|kraftfahrstrasse\w*|autostrasse\w*|schnellstrasse\w*"
     r"|voie rapide|superstrad\w*|autovia\w*|motortraf\w*|ekspres\w*"),
    ("road", "primary", r"primary|primaria|bundesstrasse\w*|hauptstrasse\w*|routes? nationales?"
     r"|nationale?s? (?:road|route|highway)s?|stradal? statal\w*|carreteras? nacional\w*"
     r"|rijksweg\w*|riksv\w*|europav\w*|valtati\w*|arterial\w*|major roads?|main roads?|国道\w*"
     r"|hoofdweg\w*|hovedv\w*|huvudv\w*|national highway"),
    ("road", "secondary", r"secondary|省道|secundaria|landesstrasse\w*|staatsstrasse\w*"
     r"|landstrasse\w*|departemental\w*|strad\w+ provincial\w*|provincial\w* weg\w*"
     r"|regional\w* (?:road|weg|strasse)|fylkesv\w*|lansv\w*|landsv\w*|kantati\w*"
     r"|state (?:road|highway|route)s?|\w*県道\w*|\w*都道\w*|\w*道府県道\w*"
     r"|strad\w+ regional\w*"),
    ("road", "tertiary", r"tertiary|县道|terciaria|kreisstrasse\w*|kantonsstrasse\w*|collect\w*"
     r"|connect\w* road|county roads?|seututi\w*|yhdysti\w*"),
    ("road", "service", r"service roads?|access roads?|alley\w*|drive ?way\w*|parking roads?"
     r"|private roads?|privatstrasse\w*|erschliessung\w*|zufahrt\w*|privat\w*v(?:eg|ei|ag|ej)"
     r"|enskil\w* v\w*|huoltoti\w*|service lanes?|laneway\w*"),
    ("road", "residential", r"residential|乡道|村道|gemeinde\w*strasse\w*|wohn\w*strasse\w*"
     r"|ortsstrasse\w*|anlieger\w*|communal\w*|strad\w+ comunal\w*|urban[ao]s?|municipal\w*"
     r"|kommunal\w*|local\w*|lokal\w*|minor roads?|streets?|calles?|rues?|ruas?|straat|straten"
     r"|\w*gate|\w*gata|\w*katu|ulic\w*|\w*市道\w*|\w*町村道\w*|\w*村道\w*|市町村道"
     r"|市区町村道\w*|улица"),
    ("road", "road", r"\w*roads?|\w*도로|軽車道|yol|yolu|cadde\w*|sokak\w*|طريق|شارع"
     r"|\w*roadways?|highways?|\w*carriageways?|roundabouts?|rond ?points?|rotatori\w*"
     r"|rotond\w*|glorieta\w*|kreisverkehr\w*|kreisel|cirkulation\w*|rundkj\w*|\w*rijbaan\w*"
     r"|\w*kjorebane\w*|\w*korbana\w*|\w*fahrbahn\w*|\w*strasse\w*|\w*veg|\w*vei|\w*vag|\w*vej"
     r"|\w*bilnat|\w*tie|autoti\w*|strad[ae]l?\w*|carreter\w*|rodovi\w*|estrad\w*|routes?"
     r"|chaussee\w*|drog[ai]|silnic\w*|cest[ae]|drumuri?|drum|utak|ut|lanes?|avenues?|avenidas?"
     r"|boulevards?|bulevar\w*|viales?|vialidad\w*"
     r"|(?:lokale|regionale|parallel|provinciale|auto|gebieds\w*) ?weg\w*|ontsluitings\w*"
     r"|erftoegang\w*|stroomweg\w*|дорог\w*|шоссе|道路\w*|\w*道路|\w*公路|林道|農道|jalan"),
)  # fmt: skip

_CAMEL = re.compile(r"(?<=[a-zà-ÿß-ſ])(?=[A-ZÀ-Þ])")
_LETTERS = str.maketrans({"ø": "o", "Ø": "O", "æ": "ae", "Æ": "Ae", "ł": "l", "đ": "d", "ı": "i"})
_CJK = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


@functools.lru_cache(maxsize=65_536)
def plain(text: str) -> str:
    """A value in small letters without accents, words parted by spaces, `camelCase` taken apart."""
    spread = unicodedata.normalize("NFKD", _CAMEL.sub(" ", text[:200]).translate(_LETTERS))
    # marks over Latin letters go; those of kana and Hangul are part of the letter
    bare = "".join(sign for sign in spread if not "\u0300" <= sign <= "\u036f")
    return " ".join(
        re.findall(r"\w+", unicodedata.normalize("NFC", bare).casefold().replace("_", " "))
    )


@functools.lru_cache(maxsize=65_536)
def read_word(value: str) -> Meaning | None:
    """What a value says of a way, or None where no word of it is known.

    Parameters
    ----------
    value
        As the map has it; case, accents and separators do not matter.

    Returns
    -------
    The role and class, None for a word that nobody here knows.
    """
    text = plain(value)
    if text in _EXACT:
        return _EXACT[text]
    if re.match(r"track( ?type)? ?grade ?\d$|grade ?\d$", text):
        return Meaning("other", "track")
    for role, road_class, pattern in _PATTERNS:
        if pattern.search(text):
            return Meaning(role, road_class)
    return None


def is_exact(value: str) -> bool:
    """Whether the whole value is a word for a class."""
    return plain(value) in _EXACT


def _compile(pattern: str) -> re.Pattern[str]:
    """Words stand alone; those of Chinese and Japanese have no blanks between them."""
    parts = re.split(r"\|(?![^(]*\))", pattern)
    spaced = "|".join(part for part in parts if not _CJK.search(part))
    joined = "|".join(part.replace(r"\w*", "") for part in parts if _CJK.search(part))
    return re.compile(rf"\b(?:{spaced})\b" + (f"|{joined}" if joined else ""))


def _list_exact() -> dict[str, Meaning]:
    table = dict.fromkeys(_WHOLE_NO.split("|"), _NO_ROAD)
    table |= {w: Meaning("other", c) for c, words in _WHOLE_OTHER.items() for w in words.split("|")}
    table |= {w: Meaning(_ROAD, c) for c, words in _WHOLE.items() for w in words.split("|")}
    plans = ("proposed", "planned", "construction", "under construction")
    return table | {word: Meaning("plan", _ROAD) for word in plans}


_EXACT = _list_exact()
_PATTERNS = tuple((role, road_class, _compile(text)) for role, road_class, text in _SEARCHED)
