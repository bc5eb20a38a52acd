"""All that a command prints goes through here, so that no text from outside steers a terminal.

File names, brand names, answers of cameras and the like may hold control characters, markup and bytes that
are no text. `print` needs nothing: `printable_output` stands in for both streams.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections import deque
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from pipelines.printable import escape_noted, noted, printable_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class PrintableStream:
    """A text stream that writes control characters as escapes, but for line breaks and tabs.

    unfiltered: the stream behind it, for what is made printable already and has colours of its own.
    """

    def __init__(self, unfiltered: TextIO) -> None:
        self.unfiltered = unfiltered

    def write(self, text: str) -> int:
        """Write the text, made printable."""
        self.unfiltered.write("\t".join(map(printable_lines, escape_noted(text).split("\t"))))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unfiltered, name)


@contextmanager
def printable_output(arguments: Sequence[str] | None = None) -> Iterator[None]:
    """Make all that is printed within printable, on both streams.

    arguments: of the command line; None for those of the process.

    A reader that goes away, such as `| head`, ends the block with SystemExit(0); a full disk, after a line
    that says so, with SystemExit(1).
    """
    words = sys.argv[1:] if arguments is None else arguments
    deque(noted([*words, *_folders()]), maxlen=0)
    # Where the caller closed one there is none: what is said goes nowhere, and no file gets its number.
    streams = sys.stdout or _nowhere(), sys.stderr or _nowhere()
    for stream in streams:
        # A terminal may not know each letter.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.stdout, sys.stderr = (cast("TextIO", PrintableStream(stream)) for stream in streams)
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read the output has read enough.
        _silence(*streams)
        raise SystemExit(0) from None
    except OSError as error:
        if error.errno != errno.ENOSPC or error.filename is not None:
            raise
        with suppress(OSError):  # it may go to the same disk
            print(
                f"msh: the output cannot be written: {error.strerror}; free space",
                file=sys.stderr,
                flush=True,
            )
        _silence(*streams)
        raise SystemExit(1) from None
    finally:
        sys.stdout, sys.stderr = streams


def _nowhere() -> TextIO:
    return os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")


def _silence(*streams: TextIO) -> None:
    """Let the rest go nowhere: Python flushes once more at its end."""
    silence = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        if isinstance(stream, io.TextIOWrapper):
            os.dup2(silence, stream.fileno())


def _folders() -> Iterator[str]:
    """Yield the folders that paths begin with where the call does not say it."""
    with suppress(OSError):
        yield str(Path.cwd())
    for key, value in os.environ.items():
        if key.startswith(("MSH_", "XDG_")) or key.endswith(("_DIRECTORY", "HOME", "TMPDIR")):
            yield value
