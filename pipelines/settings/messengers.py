"""`outputs.messengers:` services that carry offers to people's telephones, by apprise."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo

from pipelines.settings.base import Section
from pipelines.settings.staff import StaffName  # noqa: TC001 pydantic reads the annotation at run time


def _apprise_url(value: SecretStr, info: ValidationInfo) -> SecretStr:
    placeholders = (info.context or {}).get("placeholders", ())
    if any(made in value.get_secret_value() for made in placeholders):
        return value  # whether the whole is good shows once the secrets are there
    from pipelines.outputs.messengers.service import check_url  # noqa: PLC0415 loads apprise

    check_url(value.get_secret_value())
    return value


class MessengerConfig(Section):
    """One service, such as a group of Telegram or a topic of ntfy."""

    url: Annotated[SecretStr, AfterValidator(_apprise_url)] = Field(
        title="URL",
        description="The service as apprise writes it (https://appriseit.com/services/), such as"
        ' "tgram://${TELEGRAM_TOKEN}/${TELEGRAM_CHAT}"; write ${NAME} for what is secret in it.',
    )
    about: tuple[Literal["offers", "escalations", "rules"], ...] = Field(
        default=("offers", "escalations"),
        title="About",
        description="offers: customers offered to salespeople. escalations: customers whom nobody attends."
        " rules: messages of notify.",
        min_length=1,
        max_length=3,
    )
    staff: tuple[StaffName, ...] = Field(
        default=(),
        title="Staff",
        description="Whose offers are sent, by the names under staff.people; absent: everybody's.",
        max_length=64,
    )
    picture: Literal["none", "masked"] = Field(
        default="none",
        title="Picture",
        description="none: text only. masked: with a picture of the customer out of a masked frame, where the"
        " service takes pictures.",
    )
