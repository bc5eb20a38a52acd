"""Whatever is published as a command gets a valid result or a counted refusal."""

from __future__ import annotations

import json
from collections import Counter
from types import SimpleNamespace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines.floor.staff_commands import people_commands
from pipelines.outputs.mqtt.commands import MAX_BYTES, WAITING, Commands
from pipelines.reload.commands import store_commands
from tests.fakes import schemas
from tests.fakes.served_page import FakeFloor

RESULT = schemas.message("command_result")
STORE = ("reload", "camera-enable", "camera-disable", "snapshot", "restart")
KNOWN = (*STORE, "served", "not-served", "not-customer")
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=70),
    st.sampled_from(["door", "nobody"]),
)
VALUES = st.recursive(
    SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v), max_leaves=5
)
FIELDS = st.dictionaries(st.sampled_from(["id", "camera", "track", "name", "x"]), VALUES)
PAYLOADS = st.one_of(
    FIELDS.map(lambda fields: json.dumps(fields).encode()),
    FIELDS.map(lambda fields: json.dumps(fields, ensure_ascii=False).encode("utf-16", "surrogatepass")),
    VALUES.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=300),
    st.sampled_from(
        [
            b'{"id": "\\ud800"}',
            b'{"id": "a", "id": "b", "camera": "door"}',
            b'{"id": "n", "track": ' + b"9" * 5000 + b"}",
            b'{"x":' * 3000 + b"1" + b"}" * 3000,
            b"[" * 16_000,
            b" " * (MAX_BYTES + 1),
        ]
    ),
)


class _Reloader:
    """One that is busy for ever; it knows a camera."""

    settings = SimpleNamespace(cameras={"door": SimpleNamespace(enabled=True)})

    def ask(self, _then: object) -> None:
        """Take note, and say nothing."""

    def switch(self, _camera: str, *, on: bool, then: object) -> bool:
        return on and then is not None


@settings(max_examples=300, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(KNOWN) | st.text(max_size=20), PAYLOADS, st.booleans())
def test_each_command_is_answered_or_counted(name: str, payload: bytes, retained: bool) -> None:
    refused: Counter[str] = Counter()
    times = iter((0.0, 0.0, 0.0, 31.0))
    commands = Commands(lambda: 0, lambda: next(times, 99.0), lambda reason: refused.update([reason]))
    handlers = store_commands(_Reloader(), lambda _: "", lambda: False)  # type: ignore[arg-type]  # what is used
    for known, handler in (handlers | people_commands(FakeFloor())).items():  # type: ignore[arg-type]
        commands.add(known, handler)
    results: list[tuple[str, dict[str, Any]]] = []
    if commands.accept(name, payload, retained=retained):
        for _ in range(4):
            results += commands.answers()
    assert len(results) + refused.total() == 1
    for answered, result in results:
        assert answered == name
        RESULT.validate(json.loads(json.dumps(result).encode()))


def test_refusals_name_their_reason() -> None:
    refused: Counter[str] = Counter()
    commands = Commands(lambda: 0, on_refusal=lambda reason: refused.update([reason]))
    commands.accept("ping", b"", retained=True)
    commands.accept("ping", b" " * (MAX_BYTES + 1), retained=False)
    for _ in range(WAITING + 2):
        commands.accept("ping", b"", retained=False)
    assert refused == {"retained": 1, "long": 1, "busy": 2}
