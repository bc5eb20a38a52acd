"""What holds for all tests: the slowest files first, memory given back, no skip in CI, logging put right."""

import gc
import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import engines  # noqa: F401 before any test loads GStreamer: see engines/__init__.py
from engines.paths import ROOT
from tests.field_cases import cases_of
from tests.schedule import read_slowest

# Compiled models are made once for all workers, and for the next run. Commands that tests start share them.
os.environ.setdefault("MSH_COMPILED", str(ROOT / ".pytest_cache" / "compiled"))
# So is what brands were enrolled as. The user's own folder, where a real store may keep its own, stays alone.
os.environ["STATE_DIRECTORY"] = str(ROOT / ".pytest_cache" / "state")

# A script that starts the tests in the background has Ctrl-C ignored, by them and by all that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Each run draws other examples, so thirty of a property are enough for every change; before a release
# `scripts/test --hypothesis-profile thorough` draws many.
settings.register_profile(
    "every change", deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("thorough", settings.get_profile("every change"), max_examples=1000)
settings.load_profile("every change")

SLOWEST, LANES = read_slowest()

FACTS = ("no IPv6 here", "DeepStream is installed here", "not a Debian machine")
"""Reasons that say what a machine is, not what it lacks."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Give each worker a file at a time, or a lane of files; plain pytest has no such hook."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Lanes(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = super()._split_scope(nodeid)
            return LANES.get(file, file)

    return Lanes(config, log)


def pytest_collection(session):
    """Import the test modules, each worker of a whole run from another one on.

    No search for cycles meanwhile: hardly any of this is garbage, and searching took a tenth of the time.
    A fresh clone has no bytecode, and all workers collect at the same time: each would compile everything.
    So each compiles its share and finds the shares of the others done.
    """
    gc.disable()
    worker = getattr(session.config, "workerinput", None)
    if worker is None or session.config.args != session.config.getini("testpaths"):
        return
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    begin = int(worker["workerid"].removeprefix("gw")) * len(files) // worker["workercount"]
    for file in files[begin:] + files[:begin]:
        with suppress(Exception, pytest.skip.Exception):  # collection says what is wrong with it
            import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))


def pytest_collection_modifyitems(items):
    """Put the slowest files first; each file's own order stays. Tests of field cases are found by -k."""
    place = {path: number for number, path in enumerate(SLOWEST)}
    if lost := [path for path in SLOWEST if not (ROOT / path).is_file()]:
        raise pytest.UsageError(f"tests/slowest.txt names files that are not there: {lost}")
    tests = ROOT / "tests"
    paths = {item.path for item in items}  # as few as there are files: this is done in each worker
    names = {
        path: (path.relative_to(tests) if path.is_relative_to(tests) else path).as_posix() for path in paths
    }
    places = {path: place.get(f"tests/{name}", len(place)) for path, name in names.items()}
    for item in items:
        own = cases_of(names[item.path], getattr(item, "originalname", item.name))
        item.extra_keyword_matches.update(own)
    items.sort(key=lambda item: places[item.path])


GROWTH_MB = 150
"""So much more memory than after the last search for cycles, and the next search is made."""
_resident_mb = 0.0


def pytest_collection_finish():
    """Keep what collecting made out of every later search for cycles: each would take half a second."""
    gc.collect()
    gc.freeze()
    gc.enable()


def pytest_runtest_logfinish():
    """Give back what a test left in cycles: compiled models and their threads, 300 MB a command.

    Python by itself searches so rarely here that a worker would grow to 4 GB.
    """
    global _resident_mb  # noqa: PLW0603 the one figure of this process
    if _read_resident_mb() > _resident_mb + GROWTH_MB:
        gc.collect()
        _resident_mb = _read_resident_mb()


def _read_resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Fail, where CI asks for it, what would skip because something is missing."""
    report = yield
    if report.skipped and os.environ.get("MSH_NO_SKIP") and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(fact in reason for fact in FACTS):
            report.outcome, report.longrepr = "failed", f"{item.nodeid}: must not be skipped here: {reason}"
    return report


@contextmanager
def _logging_restored() -> Iterator[None]:
    """Undo what a command run in this process did to the root logger: handlers that scrub, a level."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    for handler in [one for one in root.handlers if one not in handlers]:
        root.removeHandler(handler)
    root.setLevel(level)


@pytest.fixture(autouse=True, scope="module")
def _logging_of_the_module() -> Iterator[None]:
    with _logging_restored():
        yield


@pytest.fixture(autouse=True)
def _logging_of_the_test() -> Iterator[None]:
    with _logging_restored():
        yield


@pytest.fixture(autouse=True)
def _signals_of_the_test() -> Iterator[None]:
    """Undo what a command run in this process did to signals; what it ignores is inherited by processes."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in handlers.items():
        if signal.getsignal(number) is not handler:
            signal.signal(number, handler)


@pytest.fixture(scope="session")
def models_once() -> Iterator[None]:
    """Let all tests of this process that ask for it share each compiled model; loading all takes a second."""
    from engines import compiled_models, openvino_runtime
    from engines.garments import parser
    from engines.marks import network
    from engines.ocr import reader

    kept: dict[object, object] = {}

    def compile_once(path, build, config, how):
        changed = path.stat().st_mtime_ns if path.is_file() else None
        key = (path, changed, how, tuple(sorted(config.items())))
        if key not in kept:
            kept[key] = compiled_models.compile_cached(path, build, config, how)
        return kept[key]

    with pytest.MonkeyPatch.context() as patch:
        for module in (openvino_runtime, parser, network, reader):
            patch.setattr(module, "compile_cached", compile_once)
        yield


@pytest.fixture(autouse=True, scope="session")
def _cheap_tokens() -> Iterator[None]:
    """Take a thousandth of the time for each token and PIN: at its full cost scrypt was 3 % of a whole run.

    Commands that tests start as processes have the full cost; so has one test of signing in.
    """
    from web.access import signin

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(signin, "COST", 2**4)
        yield


@pytest.fixture(autouse=True, scope="session")
def _all_compiled_models_stay() -> Iterator[None]:
    """Keep what one test has compiled for another: together they have more than a box."""
    from engines import compiled_models

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled_models, "MAX_FILES", 400)
        yield


@pytest.fixture(autouse=True)
def same_umask() -> Iterator[None]:
    """Put the umask back that a program run in this process has narrowed."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)
