from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pricing.brands.matcher import BrandMatcher, Reading, distance, tolerance

NAMES: dict[str, list[str]] = {
    "adidas": [],
    "asics": [],
    "boss": ["Hugo Boss"],
    "burberry": [],
    "calvin klein": ["CK Jeans"],
    "chanel": [],
    "columbia": [],
    "dolce&gabbana": ["D&G"],
    "fendi": [],
    "gap": [],
    "gucci": [],
    "guess": [],
    "h&m": [],
    "hermes": [],
    "lacoste": [],
    "levis": ["Levi Strauss"],
    "new balance": [],
    "nike": [],
    "prada": [],
    "puma": [],
    "reebok": [],
    "the north face": [],
    "tommy hilfiger": [],
    "vans": [],
    "versace": [],
    "zara": [],
}
MATCHER = BrandMatcher(NAMES)

# Words on real shirts, signs, bags and posters; none of them is a brand of the list.
_TEXT = """
ALOHA AMERICA AUSTRALIA BARCELONA BASICS BOTTLE BREAKFAST BRIDGE BROOKLYN BUFFET CAMERA CAMPUS CAUTION
CHANNEL CHAPEL CHANCE CHICAGO CLASSIC CLEARANCE COLUMN COMBO COSMOS DAIRY DELIVERY DENTIST DOLPHIN
EMERGENCY ENTRANCE ESPRESSO EXIT FAMILY FINDS FIRE FRIDAY FRIENDS FRONT GARAGE GATES GRANDE GUARD GUEST
GUIDE GUSTO HARBOR HEROES HERE HOTEL INFORMATION JUICE KITCHEN LEVEL LEVELS LIBRARY LIKE LOCAL LONDON
LUNCH MANGO MARKET MIKE MUSEUM NICE NINE NORTH OFFICE OPEN ORIGINAL PANDA PARADE PARIS PARKING PASTA
PIZZA PLANS PLAZA POLICE PRADO PRIDE PUMP PUSH REBEL RECORD REPAIR RUNNING SALE SCHOOL SECURITY SPORTS
STAFF STAIRS STATION STUDIO SUMMER SUPER SURF TAXI TEAM TERMINAL TICKETS TOILETS TOMMY UNIVERSITY VANSHIRE
 VERSA VERSES WATER WEEKEND WELCOME WINDOW YOGA ZEBRA ZONE GAS GAPS CAP BASS BOOS BUS NIKES PUMAS
ZARAH THE FACE BALANCE NEW BALANCED CALVIN KLEINE HUGO DOLCE M H G 1234 5555 10:30 24/7
"""
WORDS = _TEXT.split()


@pytest.mark.parametrize(
    ("text", "brand"),
    [
        ("BURBERRY", "burberry"),
        ("Burberry", "burberry"),
        ("BURBFRRY", "burberry"),
        ("BURBERY", "burberry"),
        ("BUR8ERRY", "burberry"),
        ("BVRBFRRY", "burberry"),
        ("BVRBFRPY", None),
        ("GUCC1", "gucci"),
        ("GUGCI", "gucci"),
        ("GUGC", None),
        ("N1KE", "nike"),
        ("NLKE", None),
        ("NIK", None),
        ("VAN5", "vans"),
        ("LEVI'S", "levis"),
        ("Levi Strauss", "levis"),
        ("HERMÈS", "hermes"),
        ("CALVIN KLEIN", "calvin klein"),
        ("CALVINKLEIN", "calvin klein"),
        ("CALV1N KLFIN", "calvin klein"),
        ("H&M", "h&m"),
        ("H & M", "h&m"),
        ("HM", None),
        ("D&G", "dolce&gabbana"),
        ("HUGO BOSS", "boss"),
        ("NEW BALANCE", "new balance"),
        ("THENORTHFACE", "the north face"),
        ("GUEST", None),
        ("GUESS", "guess"),
        ("ADIDASSHOP", None),
        ("8055", None),
        ("", None),
        ("!?", None),
    ],
)
def test_match(text: str, brand: str | None) -> None:
    found = MATCHER.match(text)
    assert (found[0] if found else None) == brand


@pytest.mark.parametrize(
    ("texts", "found"),
    [
        (["CALVIN", "KLEIN"], [("calvin klein", 0, 1)]),
        (["CALVIN KLEIN JEANS"], [("calvin klein", 0, 0)]),
        (["THE NORTH", "FACE"], [("the north face", 0, 1)]),
        (["GUC", "CI"], [("gucci", 0, 1)]),
        (["MY NIKE SHOES"], [("nike", 0, 0)]),
        (["NIKE", "PUMA"], [("nike", 0, 0), ("puma", 1, 1)]),
        (["NI", "KE"], [("nike", 0, 1)]),
        (["NI", "KE", "AIR"], []),
        (["CAL VIN", "KLE IN"], [("calvin klein", 0, 1)]),
        (["BUR", "BERRY"], [("burberry", 0, 1)]),
        (["ON", "LY"], []),
        (["NEW", "BALANCE"], [("new balance", 0, 1)]),
        (["BALANCE", "NEW"], []),
        (["H", "&", "M"], [("h&m", 0, 2)]),
        (["NikeAir"], [("nike", 0, 0)]),
        (["BurBerry"], [("burberry", 0, 0)]),
        (["NIKEAIR", "PumaX"], []),
        (["2009 (c) Danel Cheong"], []),
        ([], []),
    ],
)
def test_find(texts: list[str], found: list[tuple[str, int, int]]) -> None:
    readings = [Reading(text, 0.9) for text in texts]
    assert [(f.brand, f.first, f.last) for f in MATCHER.find(readings)] == found


def test_confidence_falls_with_every_misread_letter_and_with_the_reading() -> None:
    sure, read, near = (
        MATCHER.find([Reading(t, c)])[0] for t, c in (("GUCCI", 1.0), ("GUCCI", 0.5), ("GUGCI", 1.0))
    )
    assert sure.confidence == 1.0
    assert read.confidence == 0.5
    assert near.confidence < 1.0


def test_what_is_as_near_to_two_brands_is_neither() -> None:
    assert BrandMatcher({"fendi": [], "fenti": []}).match("FENXI") is None


@pytest.mark.parametrize("word", WORDS)
def test_common_words_are_no_brands(word: str) -> None:
    assert MATCHER.match(word) is None


@given(st.lists(st.sampled_from(WORDS), max_size=8))
@example(["COLUMN", "10:30"])
def test_no_common_text_holds_a_brand(words: list[str]) -> None:
    # HUGO BASS may be HUGO BOSS misread, and the others are really there.
    phrases = {"the north face", "new balance", "calvin klein", "boss"}
    assert {found.brand for found in MATCHER.find([Reading(" ".join(words), 1.0)])} <= phrases


ALONE: dict[str, list[str]] = {
    "boss": [],
    "calvin klein": [],
    "coach": [],
    "diesel": [],
    "gap": [],
    "guess": [],
    "louis vuitton": [],
    "mango": [],
    "next": [],
    "only": [],
}
STYLISED = {"calvin klein": ["CK"], "louis vuitton": ["LV"], "dolce&gabbana": ["D&G", "DG"], "dkny": ["DKNY"]}
STRICT = BrandMatcher(ALONE, STYLISED)


def readings(text: str, *, confidence: float = 0.95, size: float | None = 0.05) -> list[Reading]:
    """Return one block, lines parted by / and readings of a line by |."""
    return [
        Reading(part.strip(), confidence, line, 0, size)
        for line, row in enumerate(text.split("/"))
        for part in row.split("|")
    ]


@pytest.mark.parametrize(
    ("text", "brands"),
    [
        ("LV", ["louis vuitton"]),
        ("D&G", ["dolce&gabbana"]),
        ("D | & | G", ["dolce&gabbana"]),
        ("DKNY", ["dkny"]),
        ("OKNY", []),
        ("C1", []),
        ("CK ONE", []),
        ("LV | 2026", []),
        ("ROOM / LV", ["louis vuitton"]),
        ("GAP", ["gap"]),
        ("6AP", []),
        ("MIND THE GAP", []),
        ("MIND / THE / GAP", []),
        ("BOSS", ["boss"]),
        ("B0SS", ["boss"]),
        ("LIKE A BOSS", []),
        ("LIKE A | BOSS", []),
        ("LIKE A B0SS", []),
        ("I'M THE / BOSS", []),
        ("GUESS WHAT", []),
        ("GUESS JEANS", ["guess"]),
        ("GUESS / LOS ANGELES 1981", ["guess"]),
        ("COACH / NEW YORK", ["coach"]),
        ("TEAM COACH OF THE YEAR", []),
        ("DIESEL | FUEL", []),
        ("ONLY TODAY / SALE", []),
        ("NEXT / WEEK", []),
        ("MANGO JUICE", []),
        ("FRESH / MANGO", []),
    ],
)
def test_short_and_common_names_count_only_alone(text: str, brands: list[str]) -> None:
    assert [found.brand for found in STRICT.find(readings(text))] == brands


@pytest.mark.parametrize(("confidence", "size", "count"), [(0.95, 0.05, 1), (0.8, 0.05, 0), (0.95, 0.01, 0)])
def test_short_names_count_only_read_surely_and_large(confidence: float, size: float, count: int) -> None:
    assert len(STRICT.find(readings("LV", confidence=confidence, size=size))) == count
    assert len(STRICT.find(readings("CALVIN KLEIN", confidence=confidence, size=size))) == 1


@pytest.mark.parametrize(
    ("lines", "brands"),
    [
        (["levis I", "vulttono"], []),
        (["leuis I", "(c) vuittonadio"], []),
        (["leuis I", "vuittono"], ["louis vuitton"]),
        (["Leuis", "(c) vuittona dio"], ["louis vuitton"]),
        (["levis", "JEANS"], ["levis"]),
        (["levis", "ORIGINAL"], ["levis"]),
        (["keane", "JEANS"], ["keane"]),
    ],
)
def test_half_of_another_brands_name_beside_the_other_half_is_no_brand(
    lines: list[str], brands: list[str]
) -> None:
    """LOUIS in a script is read as LEVIS; a brand is told as two of one brand only by both of its halves."""
    names = {"levis": [], "louis vuitton": ["vuitton"], "keane": [], "klein": ["Calvin Klein Jeans"]}
    parts = [Reading(text, 0.9, number) for number, text in enumerate(lines)]
    assert [found.brand for found in BrandMatcher(names).find(parts)] == brands


def test_half_of_another_brands_name_in_another_block_is_its_own() -> None:
    matcher = BrandMatcher({"levis": [], "louis vuitton": []})
    parts = [Reading("LEVIS", 0.9, 0, 0), Reading("VULTTONO", 0.9, 1, 1)]
    assert [found.brand for found in matcher.find(parts)] == ["levis"]


def test_no_name_reaches_into_another_block() -> None:
    parts = [Reading("CALVIN", 0.9, 0, 0), Reading("KLEIN", 0.9, 1, 1)]
    assert MATCHER.find(parts) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("TORNMY HILFIGER", "tommy hilfiger"),
        ("CARHARTT", None),
        ("VVRANGLER", "wrangler"),
        ("HOMBACH", "hornbach"),
    ],
)
def test_letters_that_look_like_one(text: str, name: str | None) -> None:
    found = BrandMatcher({"tommy hilfiger": [], "wrangler": [], "hornbach": []}).match(text)
    assert (found and found[0]) == name


# Sixty brands of fashion, and what German, French and English shops write on walls, windows and labels.
_FASHION = """
adidas,armani,asics,balenciaga,balmain,birkenstock,boss,bottega veneta,burberry,calvin klein,carhartt,
cartier,celine,champion,chanel,columbia,converse,crocs,diesel,dior,dolce&gabbana,eastpak,ellesse,fendi,fila,
fossil,gap,givenchy,gucci,guess,h&m,hermes,hummel,kappa,lacoste,levis,louis vuitton,lululemon,mango,
michael kors,moncler,new balance,nike,only,patagonia,prada,puma,ralph lauren,reebok,saint laurent,salomon,
skechers,supreme,the north face,timberland,tommy hilfiger,under armour,vans,versace,zara
"""
FASHION = BrandMatcher({name.strip(): () for name in _FASHION.split(",")}, STYLISED)
_SIGNS = """
50 % OFF EVERYTHING/ALL ITEMS REDUCED/BUY ONE GET ONE FREE/BEST PRICE/BACK SOON/CASH DESK/CHANGING ROOMS/
CLEARANCE/CLICK AND COLLECT/CLOSED ON SUNDAYS/CUSTOMER SERVICE/EMPLOYEES ONLY/END OF SEASON SALE/
FINAL REDUCTIONS/FIRE EXIT/FITTING ROOMS/FOLLOW US/FRESH MANGO JUICE/GIFT CARDS/GOOD VIBES ONLY/GUESS WHAT/
HAPPY HOUR/JUST ARRIVED/KEEP CLEAR/LADIES WEAR/LAST CHANCE/LESS IS MORE/LIKE A BOSS/LIMITED EDITION/
MADE IN ITALY/MEMBERS ONLY/MENS DEPARTMENT/MIND THE GAP/NEW ARRIVALS/NEW BALANCED DIET/NEW COLLECTION/
NEW IN/NEXT DOOR/NO ENTRY/NOW OPEN/OPENING HOURS/OUTLET/OVER 1000 STYLES/PAY HERE/PLEASE ASK OUR STAFF/PULL/
PUSH/REDUCED TO CLEAR/RETURNS/SALE/SALE SALE SALE/SHOES AND BAGS/SPECIAL OFFER/SPRING SUMMER/STAFF ONLY/
STORE CLOSING/SUMMER SALE/SUPREME QUALITY COTTON/TAX FREE SHOPPING/THANK YOU FOR SHOPPING/
THE CHAMPIONS LEAGUE/THIS WAY UP/TOILETS/TODAY ONLY/TWO FOR ONE/UP TO 70 %/WASH AT 30/WAY OUT/WE ARE HIRING/
WE LOVE FASHION/WELCOME/WHILE STOCKS LAST/WINTER COATS/YOUR NEXT JACKET/100 % COTTON/SIZE M/SIZE XL/
ALLES MUSS RAUS/ANGEBOT DER WOCHE/ANPROBE/AUSGANG/AUSVERKAUF/BITTE NICHT BERÜHREN/BITTE ZIEHEN/DAMENMODE/
DANKE/DIESE WOCHE NEU/DIESEL UND BENZIN/DIESER ARTIKEL/EINGANG/ERDGESCHOSS/GESCHENKE/GESCHLOSSEN/GRATIS/
GROSSE GRÖSSEN/GUTSCHEINE/HEMDEN UND HOSEN/HERRENSCHUHE/HERZLICH WILLKOMMEN/HIMMEL UND ERDE/
IM UNTERGESCHOSS/JETZT SPAREN/KASSE/KEIN ZUTRITT/KINDERWAGEN/KUNDENDIENST/MÜTZEN UND KAPPEN/NEUE KOLLEKTION/
NEUHEITEN/NOTAUSGANG/NUR HEUTE/OFFEN/ÖFFNUNGSZEITEN/PREISE REDUZIERT/RABATT/ROLLTREPPE/RÜCKGABE/
SCHLUSSVERKAUF/SCHUHE/SOMMERSCHLUSSVERKAUF/SONDERANGEBOT/STÜCK 5 EURO/TASCHEN/TOILETTEN/UMKLEIDE/UMTAUSCH/
VORSICHT STUFE/WEIHNACHTEN/WINTERJACKEN/WIR SIND FÜR SIE DA/ZU VERKAUFEN/À VENDRE/ACCUEIL/ASCENSEUR/
BIENVENUE/BONNES AFFAIRES/CABINES D'ESSAYAGE/CAISSE/CARTE CADEAU/CHAUSSURES FEMME/COTON BIO/
DERNIÈRE DÉMARQUE/DERNIERS JOURS/ENTRÉE/ÉTÉ/FABRIQUÉ EN FRANCE/FERMÉ LE DIMANCHE/FERMES/GAMINS/
GRANDE BRADERIE/HOMME/HORAIRES D'OUVERTURE/JUSQU'À MOINS 50 %/LA CÔTE/LIVRAISON GRATUITE/LIQUIDATION TOTALE/
MAGASIN/MARQUES/MODE ENFANT/NOUVELLE COLLECTION/NOUVEAUTÉS/OUVERT/POUSSEZ/PRIX CHOC/PROMOTION/
QUARTIER LATIN/RAYON HOMME/RETRAIT EN MAGASIN/SACS ET VALISES/SERVICE CLIENTS/SOLDES/SORTIE DE SECOURS/
SUPRÊME/THERMES/TIREZ/TOUT DOIT DISPARAÎTRE/VENTE PRIVÉE/VESTES
"""
SIGNS = [sign.strip() for sign in _SIGNS.split("/")]


def test_what_shops_write_holds_none_of_sixty_brands() -> None:
    assert len(_FASHION.split(",")) == 60
    false = {sign: FASHION.find([Reading(sign, 0.99)]) for sign in SIGNS}
    # Of a garment that says SUPREME no reader can tell which language it means.
    assert {sign for sign, found in false.items() if found} == {"SUPRÊME"}
    words = {word for sign in SIGNS for word in sign.split()} - {"DIESEL", "MANGO", "BOSS", "GAP", "GUESS"}
    told = {word for word in words if FASHION.find([Reading(word, 0.99)])}
    assert told == {"ONLY", "SUPREME", "SUPRÊME"}  # brands of the list themselves


LETTERS = st.text("abcde", max_size=12)


@given(LETTERS, LETTERS)
def test_distance_is_symmetric(first: str, second: str) -> None:
    limit = tolerance(first, second)
    assert limit == tolerance(second, first)
    assert distance(first, second, limit) == distance(second, first, limit)
    assert (distance(first, second, 20) == 0) == (first == second)


@given(st.sampled_from(sorted(NAMES)), st.text("bcdfgjkpqvwxz", min_size=3, max_size=6))
def test_a_brand_inside_a_longer_word_is_not_found(brand: str, more: str) -> None:
    joined = brand.replace(" ", "").replace("&", "") + more
    assert MATCHER.match(joined) is None
    assert MATCHER.match(more + joined) is None


@given(st.sampled_from(["calvinklein", "burberry", "gucci", "versace"]), st.text("abcelnru", max_size=12))
def test_the_index_of_shortened_names_misses_nothing(name: str, text: str) -> None:
    limit = tolerance(name, text)
    close = limit > 0 and distance(name, text, limit) <= limit
    assert (BrandMatcher({name: []}).match(text) is not None) == close


@given(st.sampled_from(["calvinklein", "burberry", "gucci", "versace"]), st.data())
def test_every_misreading_within_tolerance_is_found(name: str, data: st.DataObject) -> None:
    word = list(name)
    for _ in range(1 if len(name) < 8 else 2):
        place = data.draw(st.integers(0, len(word) - 1))
        word[place : place + 1] = data.draw(st.sampled_from(["", "q", "o", "h", word[place] + "x"]))
    text = "".join(word)
    close = distance(name, text, 2) <= tolerance(name, text)
    assert (BrandMatcher({name: []}).match(text) is not None) == close


def test_two_letters_misread_must_look_alike_where_other_letters_are_another_word() -> None:
    assert distance("burberry", "bvrbfrry", 2) == 1.5
    assert MATCHER.match("BVRBFRRY") is not None
    assert distance("burberry", "xurbexry", 2) == 2
    assert MATCHER.match("XURBEXRY") is None


@pytest.mark.parametrize(
    "text",
    [
        "PRAIA",
        "PRAHA",
        "PRAVDA",
        "prAna",
        "PUCCI",
        "EMILIO PUCCI",
        "CHANTEL",
        "NEVIS",
        "LA COSTA",
        "REBALANCE",
    ],
)
def test_another_make_a_place_or_a_word_of_another_language_is_no_brand_misread(text: str) -> None:
    assert MATCHER.find([Reading(text, 0.97)]) == []
    assert BrandMatcher({"the one": [text]}).find([Reading(text, 0.97)]) != []


def test_a_brand_that_is_only_near_to_others_is_read_beside_any_word() -> None:
    found = BrandMatcher({"pucci": [], "gucci": []}).find([Reading("EMILIO PUCCI FIRENZE", 0.97)])
    assert [match.brand for match in found] == ["pucci"]


@pytest.mark.parametrize(
    "text", ["CANADA HOUSE", "EAST PEAK", "RED BALL", "FIT KIT", "BAG MAIN", "AIR FAIR", "ONLINE PARIS"]
)
def test_whole_words_that_are_none_of_a_name_are_not_that_name_misread(text: str) -> None:
    names = ["Canada Goose", "Eastpak", "Red Bull", "Fitbit", "Balmain", "AirWair", "Celine Paris"]
    matcher = BrandMatcher({name: [] for name in names})
    assert matcher.find([Reading(text, 0.97)]) == []
    misread = ["CANADA GOOSF", "EAST PAK", "RED BULI", "FIT BIT", "BAL MAIN", "AIR WAIR", "CELINF PARIS"]
    assert all(len(matcher.find([Reading(word, 0.97)])) == 1 for word in misread)
