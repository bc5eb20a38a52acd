"""Rich's tables and progress bars, as printable as all else; see `scripts.printable_output`.

They write colours of their own, and take their console from `console`. To load this takes time: only where
one is drawn.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console
from rich.progress import TextColumn

from pipelines.printable import printable, printable_lines
from scripts.printable_output import PrintableStream

if TYPE_CHECKING:
    from rich.progress import Task
    from rich.text import Text


class PrintableConsole(Console):
    """Rich's console that takes texts as they are: no markup, no emoji names, no control characters."""

    def render_str(self, text: str, **options: Any) -> Text:
        """Return the text as Rich's, without markup."""
        options.update(markup=False, emoji=False, highlight=False)
        return super().render_str(printable_lines(text), **options)

    def on_broken_pipe(self) -> NoReturn:
        """Leave it to the command line, which ends without a word."""
        raise BrokenPipeError


class DescriptionColumn(TextColumn):
    """A progress bar's description, taken as it is."""

    def __init__(self) -> None:
        super().__init__("{task.description}", markup=False)

    def render(self, task: Task) -> Text:
        """Return the description, made printable."""
        text = super().render(task)
        text.plain = printable(text.plain)
        return text


def console(*, stderr: bool = False, **options: Any) -> PrintableConsole:
    """Return a console on what standard output or error is now. options: those of Rich's console."""
    stream = sys.stderr if stderr else sys.stdout
    file = stream.unfiltered if isinstance(stream, PrintableStream) else stream
    return PrintableConsole(file=file, markup=False, highlight=False, emoji=False, **options)
