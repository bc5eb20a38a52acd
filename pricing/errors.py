"""The one error of all layers for bad input from outside."""

from __future__ import annotations


class BadInput(ValueError):
    """Input that a person can mend: one line that says what, where and how.

    Every layer raises this one class, so one handler catches the mistakes of all. The command line prints
    it on stderr and exits with 2; the page answers with its text.
    """
