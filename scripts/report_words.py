"""The words of `msh report` in the languages of the page; its CSV and JSON have none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pricing.insights.staffing import MODEL
from pricing.item_words import LANGUAGES, language_of

if TYPE_CHECKING:
    from collections.abc import Callable

    Say = Callable[..., str]

_SHORT: Final = """
whole|The whole|Insgesamt|L’ensemble|En total|Nell’insieme
span|{first} to {last}|{first} bis {last}|{first} à {last}|{first} a {last}|{first} – {last}
hour|hour|Stunde|heure|hora|ora
visitors|visitors|Besucher|visiteurs|visitantes|visitatori
value|value|Wert|valeur|valor|valore
staff|staff|Team|équipe|personal|staff
saved|would have saved|hätte gebracht|aurait apporté|habría aportado|avrebbe portato
attended|Attended|Wann jemand kam|Prise en charge|Atendidos|Seguiti
1min|within a minute|binnen einer Minute|en moins d’une minute|en menos de un minuto|entro un minuto
2min|within two minutes|binnen zwei Minuten|en moins de deux minutes|en menos de dos minutos|entro due minuti
later|later|später|plus tard|más tarde|più tardi
never|by nobody|niemand kam|par personne|por nadie|da nessuno
or|or|oder|ou|o|o
worth|Value worn, in {currency}|Getragener Wert, in {currency}|Valeur portée, en {currency}\
|Valor de lo que llevan, en {currency}|Valore indossato, in {currency}
above|{low} and more|{low} und mehr|{low} et plus|{low} y más|{low} e oltre
range|{low} to under {high}|{low} bis unter {high}|de {low} à moins de {high}\
|de {low} a menos de {high}|da {low} a meno di {high}
unpriced|nothing priced|nichts mit Preis|rien de chiffré|nada con precio|niente con prezzo
outcomes|How it ended|Wie es ausging|Comment cela s’est terminé|Cómo terminó|Com’è finita
customers|customers|Kunden|clients|clientes|clienti
sold|sold|verkauft|vendu|vendido|venduto
browsing|browsing|schaut nur|regarde seulement|solo mira|guarda soltanto
left|left|gegangen|parti|se ha ido|andato via
unknown|unknown|nicht gesagt|non indiqué|no indicado|non indicato
brands|Brands|Marken|Marques|Marcas|Marchi
types|Types|Teile|Articles|Artículos|Articoli
zones|Zones|Zonen|Zones|Zonas|Zone
stay|mean stay|mittlere Dauer|durée moyenne|tiempo medio|durata media
cameras|Cameras|Kameras|Caméras|Cámaras|Telecamere
pictures|gave pictures|mit Bild|avec image|con imagen|con immagine
seen|value seen|gesehener Wert|valeur vue|valor visto|valore visto
soon|attended within a minute|binnen einer Minute betreut|pris en charge en moins d’une minute\
|atendidos en menos de un minuto|seguiti entro un minuto
soon2|attended within two minutes|binnen zwei Minuten betreut|pris en charge en moins de deux minutes\
|atendidos en menos de dos minutos|seguiti entro due minuti
value_soon|value attended within a minute|Wert, betreut binnen einer Minute\
|valeur prise en charge en moins d’une minute|valor atendido en menos de un minuto\
|valore seguito entro un minuto
value_soon2|value attended within two minutes|Wert, betreut binnen zwei Minuten\
|valeur prise en charge en moins de deux minutes|valor atendido en menos de dos minutos\
|valore seguito entro due minuti
unattended|value that nobody attended|Wert ohne Betreuung|valeur sans vendeur\
|valor sin atender|valore non seguito
wait|mean time until attended|mittlere Zeit bis zur Betreuung|attente moyenne avant prise en charge\
|tiempo medio hasta ser atendido|attesa media
service|mean time with a customer|mittlere Zeit mit einem Kunden|temps moyen avec un client\
|tiempo medio con un cliente|tempo medio con un cliente
said_sold|sold, where it was said|verkauft, wo angegeben|vendu, si indiqué\
|vendido, si se indicó|venduto, se indicato
"""
"""A line: key, then its text in each of LANGUAGES."""

_LONG: Final = {
    "title": (
        "What {store} saw, {first} to {last} ({zone})",
        "Was {store} gesehen hat, {first} bis {last} ({zone})",
        "Ce que {store} a vu, {first} à {last} ({zone})",
        "Lo que vio {store}, {first} a {last} ({zone})",
        "Che cosa ha visto {store}, {first} – {last} ({zone})",
    ),
    "before": (
        "before: {first} to {last}",
        "vorher: {first} bis {last}",
        "avant : {first} à {last}",
        "antes: {first} a {last}",
        "prima: {first} – {last}",
    ),
    "hours": (
        "By hour (staff: {model}; {seconds} s each)",
        "Nach Stunden (Team: {model}; je {seconds} s)",
        "Par heure (équipe : {model} ; {seconds} s chacun)",
        "Por horas (personal: {model}; {seconds} s cada uno)",
        "Per ora (staff: {model}; {seconds} s ciascuno)",
    ),
    "hours_assumed": (
        "By hour (staff: {model}; {seconds} s each, assumed)",
        "Nach Stunden (Team: {model}; je {seconds} s, angenommen)",
        "Par heure (équipe : {model} ; {seconds} s chacun, supposé)",
        "Por horas (personal: {model}; {seconds} s cada uno, supuesto)",
        "Per ora (staff: {model}; {seconds} s ciascuno, ipotizzato)",
    ),
    "model": (
        MODEL,
        "Erlang C: Kunden, die Beratung wollen, kommen zufällig, jeder braucht die gesehene mittlere Zeit,"
        " wer frei ist, geht hin, niemand gibt auf; so wenige wie möglich, dass 80 % binnen einer Minute"
        " betreut werden",
        "Erlang C : les clients qui veulent un conseil arrivent au hasard, chacun prend le temps moyen"
        " observé, qui est libre y va, personne ne renonce ; le minimum pour que 80 % soient pris en charge"
        " en moins d’une minute",
        "Erlang C: los clientes que quieren consejo llegan al azar, cada uno lleva el tiempo medio observado,"
        " va quien está libre, nadie se marcha; el mínimo para atender al 80 % en menos de un minuto",
        "Erlang C: i clienti che vogliono un consiglio arrivano a caso, ciascuno richiede il tempo medio"
        " osservato, va chi è libero, nessuno rinuncia; il minimo perché l’80 % sia seguito entro un minuto",
    ),
    "note": (
        "No figure is about fewer than {count} people; {withheld} stands where one would be."
        " People count in the quarter of an hour in which enough of them had left.",
        "Keine Zahl betrifft weniger als {count} Personen; sonst steht {withheld}."
        " Gezählt wird in der Viertelstunde, in der genug von ihnen gegangen waren.",
        "Aucun chiffre ne porte sur moins de {count} personnes ; sinon {withheld}."
        " On compte dans le quart d’heure où assez d’entre elles étaient parties.",
        "Ninguna cifra se refiere a menos de {count} personas; en su lugar, {withheld}."
        " Se cuenta en el cuarto de hora en que se habían ido bastantes.",
        "Nessun dato riguarda meno di {count} persone; altrimenti {withheld}."
        " Si conta nel quarto d’ora in cui ne erano uscite abbastanza.",
    ),
}

WORDS: Final = _LONG | {
    cells[0]: tuple(cells[1:]) for line in _SHORT.split("\n") if (cells := line.split("|"))[1:]
}
"""Key -> its text in each of LANGUAGES."""


def report_words(locale: str) -> Say:
    """Return what writes the text of a key in the language of a locale, with its blanks filled.

    >>> say = report_words("fr_CA")
    >>> say("above", low=50)
    '50 et plus'
    """
    column = LANGUAGES.index(language_of(locale))
    return lambda key, **blanks: WORDS[key][column].format(**blanks)
