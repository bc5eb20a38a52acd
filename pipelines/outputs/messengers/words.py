"""The sentences of messages to messengers, in the languages of the page."""

from __future__ import annotations

from typing import Final

from pricing.item_words import language_of

WORDS: Final = {
    "en": {
        "offer": "{seller}: please serve this customer",
        "nobody": "Nobody attends a valuable customer",
        "rule": "Customer: {rule}",
        "where": "at {place}",
        "waits": "waiting for {minutes} min",
        "test": "Test message",
        "works": "Messages of {store} arrive here.",
    },
    "de": {
        "offer": "{seller}: bitte bedienen",
        "nobody": "Niemand bedient einen wertvollen Kunden",
        "rule": "Kunde: {rule}",
        "where": "bei {place}",
        "waits": "wartet seit {minutes} min",
        "test": "Testnachricht",
        "works": "Hier kommen die Nachrichten von {store} an.",
    },
    "fr": {
        "offer": "{seller} : à servir, s’il vous plaît",
        "nobody": "Personne ne s’occupe d’un client important",
        "rule": "Client : {rule}",
        "where": "à {place}",
        "waits": "attend depuis {minutes} min",
        "test": "Message de test",
        "works": "Les messages de {store} arrivent ici.",
    },
    "es": {
        "offer": "{seller}: atienda a este cliente, por favor",
        "nobody": "Nadie atiende a un cliente importante",
        "rule": "Cliente: {rule}",
        "where": "en {place}",
        "waits": "espera desde hace {minutes} min",
        "test": "Mensaje de prueba",
        "works": "Aquí llegan los mensajes de {store}.",
    },
    "it": {
        "offer": "{seller}: serva questo cliente, per favore",
        "nobody": "Nessuno segue un cliente importante",
        "rule": "Cliente: {rule}",
        "where": "a {place}",
        "waits": "attende da {minutes} min",
        "test": "Messaggio di prova",
        "works": "I messaggi di {store} arrivano qui.",
    },
}


def words_of(locale: str) -> dict[str, str]:
    """Return the sentences of a locale such as de_DE; English where there are none.

    >>> words_of("de_AT")["test"], words_of("ja")["test"]
    ('Testnachricht', 'Test message')
    """
    return WORDS[language_of(locale)]
