"""The MQTT commands of salespeople: `staff`, `offer`, `sale`, `attend`, by the names of the store file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pipelines.outputs.mqtt.commands import CommandRefused
from pipelines.sales.floor_desk import UnknownCustomer
from pricing.errors import BadInput
from pricing.sales.types import SaleOutcome, StaffState, UnknownSeller

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from enum import Enum

    from pipelines.outputs.mqtt.commands import Handler
    from pipelines.sales.floor_desk import FloorDesk

    E = TypeVar("E", bound=Enum)
    Fields = Mapping[str, Any]

MAX_AMOUNT = 10**12


def sale_commands(desk: FloorDesk) -> dict[str, Handler]:
    """Return the handlers by name. They may run on any thread."""

    def staff(fields: Fields) -> str:
        name, state = _text(fields, "name"), _one(fields, "state", StaffState)
        desk.set_state(name, state)
        return f"{name} is {state.value}"

    def offer(fields: Fields) -> str:
        answer = _text(fields, "answer")
        if answer not in ("accept", "decline"):
            raise CommandRefused("not understood")
        desk.answer(_number(fields, "offer"), _text(fields, "name"), accept=answer == "accept")
        return f"offer {fields['offer']}: {answer}"

    def sale(fields: Fields) -> str:
        outcome = _one(fields, "outcome", SaleOutcome)
        amount = _number(fields, "amount_minor") if fields.get("amount_minor") is not None else None
        desk.done(_number(fields, "offer"), _text(fields, "name"), outcome, amount)
        return f"offer {fields['offer']}: {outcome.value}"

    def attend(fields: Fields) -> str:
        camera, track, name = (_text(fields, key) for key in ("camera", "track", "name"))
        desk.attend(camera, track, name)
        return f"{name} attends {camera}/{track}"

    return {
        name: _guarded(act)
        for name, act in (("staff", staff), ("offer", offer), ("sale", sale), ("attend", attend))
    }


def _guarded(act: Callable[[Fields], str]) -> Handler:
    def handle(fields: Fields) -> str:
        try:
            return act(fields)
        except UnknownSeller:
            raise CommandRefused("unknown name") from None
        except UnknownCustomer:
            raise CommandRefused("unknown person") from None
        except BadInput:
            raise CommandRefused("offer over") from None

    return handle


def _text(fields: Fields, key: str) -> str:
    value = fields.get(key)
    if not isinstance(value, str):
        raise CommandRefused("not understood")
    return value


def _number(fields: Fields, key: str) -> int:
    value = fields.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_AMOUNT:
        raise CommandRefused("not understood")
    return value


def _one(fields: Fields, key: str, kind: type[E]) -> E:
    try:
        return kind(_text(fields, key))
    except ValueError:
        raise CommandRefused("not understood") from None
