"""Ctrl-C ends a command without a traceback, also before the command has begun."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import NoReturn

import pytest

from engines.paths import ROOT
from scripts.commands import check
from scripts.msh import main

SENT_WHILE_LOADING = """
import os, signal, sys
sent = int(sys.argv.pop(1))
if sent == signal.SIGTERM:
    os.getpid, own = lambda: 1, os.getpid()
else:
    own = os.getpid()
class Presses:
    def find_spec(self, name, *_):
        if name == sys.argv[1]:
            os.kill(own, sent)
sys.meta_path.insert(0, Presses())
from scripts.msh import main
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize("module", ["engines", "pipelines.errors", "scripts.commands.check", "pydantic"])
def test_a_key_that_is_pressed_while_modules_are_loaded_leaves_no_traceback(module: str) -> None:
    assert _ended(signal.SIGINT, module) == (-signal.SIGINT, "")


@pytest.mark.parametrize("module", ["engines", "scripts.commands.check", "pydantic"])
def test_the_first_process_of_a_container_ends_where_it_is_told_to_while_modules_are_loaded(
    module: str,
) -> None:
    """The kernel kept SIGTERM from it, and the store started after all."""
    assert _ended(signal.SIGTERM, module) == (128 + signal.SIGTERM, "")


SENT_TO_A_STORE = """
import os, signal, sys
module = sys.argv.pop(1)
class Sends:
    def find_spec(self, name, *_):
        if name == module:
            os.kill(os.getpid(), signal.SIGHUP)
sys.meta_path.insert(0, Sends())
from scripts.msh import main
ended = main()
from scripts.orders import next_order
print("noted:", next_order(0) == signal.SIGHUP)
sys.exit(ended)
"""


@pytest.mark.parametrize("module", ["engines", "scripts.commands.run", "pydantic"])
def test_a_store_that_is_told_to_read_its_file_while_modules_are_loaded_goes_on_and_reads_it_later(
    module: str,
) -> None:
    command = [sys.executable, "-c", SENT_TO_A_STORE, module, "run", "no-such-store.yaml"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert (ended.returncode, ended.stdout) == (2, "noted: True\n")
    assert ended.stderr.startswith("msh run: no-such-store.yaml")


def _ended(sent: signal.Signals, module: str) -> tuple[int, str]:
    """Return how a command ends that gets a signal while it loads a module. SIGTERM: it is process 1."""
    command = [
        sys.executable,
        "-c",
        SENT_WHILE_LOADING,
        str(int(sent)),
        module,
        "check",
        "configs/store.yaml",
    ]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    return ended.returncode, ended.stderr


@pytest.mark.parametrize("pressed", [True, False])
def test_a_module_in_c_that_was_interrupted_is_no_broken_module(
    pressed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def loads(_: object) -> NoReturn:
        raise ImportError("initialization failed") from (KeyboardInterrupt() if pressed else None)

    monkeypatch.setattr(check, "run", loads)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # another test may have left its own
    try:
        if pressed:
            assert main(["check", "store.yaml"]) == 130
        else:
            with pytest.raises(ImportError):
                main(["check", "store.yaml"])
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize(
    "error", [MemoryError(), ImportError("cv2.abi3.so: failed to map segment from shared object")]
)
@pytest.mark.parametrize("command", ["check", "run"])
def test_a_command_without_memory_says_so_in_one_line_and_a_store_tells_where(
    command: str, error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def loads(_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(f"scripts.commands.{command}.run", loads)
    if command == "check":
        assert main([command, "store.yaml"]) == 1
        assert capsys.readouterr().err.startswith("msh: too little memory is free; free some")
    else:
        with pytest.raises(type(error)):
            main([command, "store.yaml"])
