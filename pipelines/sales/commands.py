"""The MQTT commands of salespeople: `staff`, `offer`, `sale`, `attend`, by the names of the store file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from pipelines.outputs.mqtt.commands import CommandRefused
from pipelines.sales.floor_desk import UnknownCustomer
from pricing.errors import BadInput
from pricing.sales.desk import SaleOutcome, StaffState, UnknownSeller

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from enum import Enum

    from pipelines.outputs.mqtt.commands import Handler
    from pipelines.sales.floor_desk import FloorDesk

    E = TypeVar("E", bound=Enum)
    Asked = Mapping[str, Any]

MAX_AMOUNT = 10**12


def sale_commands(desk: FloorDesk) -> dict[str, Handler]:
    """Return the handlers by name. They may run on any thread."""

    def staff(asked: Asked) -> str:
        name, state = _text(asked, "name"), _one(asked, "state", StaffState)
        desk.set_state(name, state)
        return f"{name} is {state.value}"

    def offer(asked: Asked) -> str:
        answer = _text(asked, "answer")
        if answer not in ("accept", "decline"):
            raise CommandRefused("not understood")
        desk.answer(_number(asked, "offer"), _text(asked, "name"), accept=answer == "accept")
        return f"offer {asked['offer']}: {answer}"

    def sale(asked: Asked) -> str:
        outcome = _one(asked, "outcome", SaleOutcome)
        amount = _number(asked, "amount_minor") if asked.get("amount_minor") is not None else None
        desk.done(_number(asked, "offer"), _text(asked, "name"), outcome, amount)
        return f"offer {asked['offer']}: {outcome.value}"

    def attend(asked: Asked) -> str:
        camera, track, name = (_text(asked, key) for key in ("camera", "track", "name"))
        desk.attend(camera, track, name)
        return f"{name} attends {camera}/{track}"

    return {
        name: _guarded(act)
        for name, act in (("staff", staff), ("offer", offer), ("sale", sale), ("attend", attend))
    }


def _guarded(act: Callable[[Asked], str]) -> Handler:
    def handle(asked: Asked) -> str:
        try:
            return act(asked)
        except UnknownSeller:
            raise CommandRefused("unknown name") from None
        except UnknownCustomer:
            raise CommandRefused("unknown person") from None
        except BadInput:
            raise CommandRefused("offer over") from None

    return handle


def _text(asked: Asked, key: str) -> str:
    value = asked.get(key)
    if not isinstance(value, str):
        raise CommandRefused("not understood")
    return value


def _number(asked: Asked, key: str) -> int:
    value = asked.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MAX_AMOUNT:
        raise CommandRefused("not understood")
    return value


def _one(asked: Asked, key: str, kind: type[E]) -> E:
    try:
        return kind(_text(asked, key))
    except ValueError:
        raise CommandRefused("not understood") from None
