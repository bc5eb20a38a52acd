"""Types and colours of worn things, in the languages of the page (its strings have the same words)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES: Final = ("en", "de", "fr", "es", "it")

_TYPES: Final = """
backpack|backpack|Rucksack|sac à dos|mochila|zaino
bag|bag|Tasche|sac|bolso|borsa
baseball-cap|baseball cap|Baseballkappe|casquette de baseball|gorra de béisbol|cappellino da baseball
beanie|beanie|Strickmütze|bonnet|gorro|berretto
belt|belt|Gürtel|ceinture|cinturón|cintura
blazer|blazer|Blazer|blazer|blazer|blazer
blouse|blouse|Bluse|chemisier|blusa|camicetta
bomber|bomber|Bomberjacke|bomber|cazadora bomber|bomber
boots|boots|Stiefel|bottes|botas|stivali
bow-tie|bow tie|Fliege|nœud papillon|pajarita|papillon
cap|cap|Kappe|casquette|gorra|cappellino
cardigan|cardigan|Strickjacke|cardigan|cárdigan|cardigan
chinos|chinos|Chinohose|chino|chinos|chino
clutch|clutch|Clutch|pochette|cartera de mano|pochette
coat|coat|Mantel|manteau|abrigo|cappotto
crossbody|crossbody bag|Umhängetasche|sac bandoulière|bandolera|borsa a tracolla
denim-jacket|denim jacket|Jeansjacke|veste en jean|cazadora vaquera|giacca di jeans
dress|dress|Kleid|robe|vestido|vestito
glasses|glasses|Brille|lunettes|gafas|occhiali
handbag|handbag|Handtasche|sac à main|bolso de mano|borsetta
hat|hat|Hut|chapeau|sombrero|cappello
heels|heels|Pumps|escarpins|zapatos de tacón|scarpe col tacco
hoodie|hoodie|Hoodie|sweat à capuche|sudadera con capucha|felpa con cappuccio
jacket|jacket|Jacke|veste|chaqueta|giacca
jeans|jeans|Jeans|jean|vaqueros|jeans
jersey|jersey|Trikot|maillot|camiseta deportiva|maglia sportiva
leather-jacket|leather jacket|Lederjacke|veste en cuir|cazadora de cuero|giacca di pelle
leggings|leggings|Leggings|leggings|leggings|leggings
loafers|loafers|Slipper|mocassins|mocasines|mocassini
outerwear|outerwear|Oberbekleidung|vêtement d’extérieur|prenda de abrigo|capospalla
overcoat|overcoat|Overcoat|pardessus|sobretodo|soprabito
parka|parka|Parka|parka|parka|parka
polo|polo|Polohemd|polo|polo|polo
puffer|puffer jacket|Daunenjacke|doudoune|plumífero|piumino
pullover|pullover|Pullover|pull|jersey|pullover
raincoat|raincoat|Regenmantel|imperméable|impermeable|impermeabile
running-shoes|running shoes|Laufschuhe|chaussures de course|zapatillas de correr|scarpe da corsa
sandals|sandals|Sandalen|sandales|sandalias|sandali
scarf|scarf|Schal|écharpe|bufanda|sciarpa
shawl|shawl|Tuch|châle|chal|scialle
shirt|shirt|Hemd|chemise|camisa|camicia
shoes|shoes|Schuhe|chaussures|zapatos|scarpe
shorts|shorts|Shorts|short|pantalón corto|pantaloncini
shoulder-bag|shoulder bag|Schultertasche|sac porté épaule|bolso de hombro|borsa a spalla
skirt|skirt|Rock|jupe|falda|gonna
sneakers|sneakers|Sneaker|baskets|zapatillas|sneakers
suitcase|suitcase|Koffer|valise|maleta|valigia
sunglasses|sunglasses|Sonnenbrille|lunettes de soleil|gafas de sol|occhiali da sole
sweater|sweater|Pullover|pull|jersey|maglione
sweatshirt|sweatshirt|Sweatshirt|sweat-shirt|sudadera|felpa
t-shirt|t-shirt|T-Shirt|t-shirt|camiseta|t-shirt
tank-top|tank top|Tanktop|débardeur|camiseta sin mangas|canotta
tie|tie|Krawatte|cravate|corbata|cravatta
top|top|Oberteil|haut|top|top
tote|tote|Shopper|cabas|bolso tote|shopper
track-jacket|track jacket|Trainingsjacke|veste de survêtement|chaqueta de chándal|giacca della tuta
track-pants|track pants|Trainingshose|pantalon de survêtement|pantalón de chándal|pantaloni della tuta
travel-bag|travel bag|Reisetasche|sac de voyage|bolsa de viaje|borsa da viaggio
trench-coat|trench coat|Trenchcoat|trench|gabardina|trench
trousers|trousers|Hose|pantalon|pantalón|pantaloni
umbrella|umbrella|Schirm|parapluie|paraguas|ombrello
vest|vest|Weste|gilet|chaleco|gilet
watch|watch|Uhr|montre|reloj|orologio
"""
"""A line: type, then its word in each of LANGUAGES."""

_COLOURS: Final = """
black|black|Schwarz|noir|negro|nero
white|white|Weiß|blanc|blanco|bianco
grey|grey|Grau|gris|gris|grigio
beige|beige|Beige|beige|beige|beige
brown|brown|Braun|marron|marrón|marrone
red|red|Rot|rouge|rojo|rosso
orange|orange|Orange|orange|naranja|arancione
yellow|yellow|Gelb|jaune|amarillo|giallo
green|green|Grün|vert|verde|verde
blue|blue|Blau|bleu|azul|blu
navy|navy|Dunkelblau|bleu marine|azul marino|blu scuro
purple|purple|Violett|violet|morado|viola
pink|pink|Rosa|rose|rosa|rosa
"""

_COLOURED: Final = {
    "en": "{colour} {type}",
    "de": "{type} in {colour}",
    "fr": "{type} ({colour})",
    "es": "{type} ({colour})",
    "it": "{type} ({colour})",
}
_BRANDED: Final = {
    "en": "{brand} {type}",
    "de": "{brand} {type}",
    "fr": "{type} {brand}",
    "es": "{type} {brand}",
    "it": "{type} {brand}",
}


_BESIDE: Final = {
    "en": ("est.", "old", "more"),
    "de": ("gesch.", "alt", "weitere"),
    "fr": ("est.", "ancien", "de plus"),
    "es": ("est.", "antiguo", "más"),
    "it": ("stima", "vecchio", "altri"),
}
"""On the overlay: beside an estimated price, beside an old one, and after how many things are not shown."""


class ItemWords:
    """How one language names worn things. What it has no word for is written as it is.

    >>> words = item_words("de_AT")
    >>> words.name("coat", None, "beige"), words.name("handbag", "Gucci"), words.type("cape")
    ('Mantel in Beige', 'Handtasche (Gucci)', 'cape')
    """

    def __init__(self, language: str) -> None:
        self.types, self.colours = _column(_TYPES, language), _column(_COLOURS, language)
        self._coloured, self._branded = _COLOURED[language], _BRANDED[language]
        self.estimate, self.old, self.more = _BESIDE[language]

    def type(self, type_: str) -> str:
        """Return the word for a type."""
        return self.types.get(type_, type_)

    def branded(self, type_: str, brand: str) -> str:
        """Return how a thing is written in a sentence, such as `Gucci handbag` or `sac à main Gucci`."""
        return self._branded.format(type=self.type(type_), brand=brand)

    def name(self, type_: str, brand: str | None = None, colour: str | None = None) -> str:
        """Return how a thing is written in a list; brand: as the price list spells it."""
        word = self.type(type_)
        if brand:
            return f"{word} ({brand})"
        return self._coloured.format(type=word, colour=self.colours.get(colour, colour)) if colour else word


def _column(table: str, language: str) -> Mapping[str, str]:
    column = LANGUAGES.index(language) + 1
    return {cells[0]: cells[column] for line in table.split("\n") if (cells := line.split("|"))[1:]}


def language_of(locale: str) -> str:
    """Return which of LANGUAGES a locale such as de_DE speaks; English where it is none of them.

    >>> language_of("de_AT"), language_of("fr-CA"), language_of("ja")
    ('de', 'fr', 'en')
    """
    found = locale.replace("-", "_").partition("_")[0].lower()
    return found if found in LANGUAGES else "en"


@lru_cache(maxsize=len(LANGUAGES))
def _words(language: str) -> ItemWords:
    return ItemWords(language)


def item_words(locale: str) -> ItemWords:
    """Return the words of a locale such as de_DE; English where there are none."""
    return _words(language_of(locale))
