"""`models:` which model does what: a name from configs/models.yaml, or a block with a name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler, field_validator

from pipelines.settings.base import Section

if TYPE_CHECKING:
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core import CoreSchema

BUILTIN_BRAND: Final = "builtin"
NONE: Final = "none"


class _NameOrBlock:
    """Adds the short form, a name alone, to the schema."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string", "minLength": 1, "maxLength": 64}, handler(core)]}


def _from_name(value: object) -> object:
    return {"name": value} if isinstance(value, str) else value


def _none_or_name(value: object) -> object:
    return None if value == NONE else _from_name(value)


class ModelConfig(Section):
    """One model in its role."""

    name: str = Field(
        title="Name", description="Name of the model in configs/models.yaml.", min_length=1, max_length=64
    )
    min_confidence: float | None = Field(
        default=None,
        title="Least confidence",
        description="Detections below this confidence (0 to 1) are ignored; absent: the model's own.",
        gt=0.0,
        lt=1.0,
    )


Named = Annotated[ModelConfig, BeforeValidator(_from_name), _NameOrBlock()]
NamedOrNone = Annotated[ModelConfig | None, BeforeValidator(_none_or_name), _NameOrBlock()]


MAX_PERSON_CONFIDENCE: Final = 0.9
MAX_FACE_CONFIDENCE: Final = 0.2
"""The product's own threshold for masking (engines.thresholds); a store may only go below it."""


class ModelsConfig(Section):
    """Which model does what."""

    person: Named = Field(
        default=ModelConfig(name="nanodet-416"),
        title="Persons and accessories",
        description="Model that finds persons, bags, ties and umbrellas.",
    )
    face: Named = Field(
        default=ModelConfig(name="centerface"),
        title="Faces",
        description="Model that finds the faces to mask.",
    )
    brand: Named = Field(
        default=ModelConfig(name=BUILTIN_BRAND),
        title="Brand marks",
        description="What recognises brands; builtin: the bundled text reader for words, the bundled model of"
        " marks for symbols.",
    )
    garments: NamedOrNone = Field(
        default=ModelConfig(name="garments"),
        title="Garments",
        description="Model that sees what persons wear, by type and colour, in the looks at brands; none:"
        " nothing is told by sight, and a mark's place on the body says what it is on.",
    )

    @field_validator("person")
    @classmethod
    def _counts_somebody(cls, value: ModelConfig) -> ModelConfig:
        if value.min_confidence is not None and value.min_confidence > MAX_PERSON_CONFIDENCE:
            raise ValueError(
                f"min_confidence must be at most {MAX_PERSON_CONFIDENCE}: above it hardly anybody is counted;"
                " what is masked does not depend on it"
            )
        return value

    @field_validator("face")
    @classmethod
    def _masks_no_less(cls, value: ModelConfig) -> ModelConfig:
        if value.min_confidence is not None and value.min_confidence > MAX_FACE_CONFIDENCE:
            raise ValueError(
                f"min_confidence must be at most {MAX_FACE_CONFIDENCE}: fewer faces must not be masked"
            )
        return value
