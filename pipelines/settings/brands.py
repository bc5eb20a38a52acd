"""`brands:` whose marks are recognised, and which of them staff wear."""

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field

from engines.paths import CONFIGS
from pipelines.printable import printable
from pipelines.settings.base import FilePath, Section
from pricing.brands.names import normal_brand

PICTURES = (".svg", ".png", ".jpg", ".jpeg", ".webp")
STARTER = CONFIGS / "brands"
"""The folder of brands that comes with the product."""


def brand_name(text: str) -> str:
    """Return the text if it can name a brand; raises ValueError with a sentence for the user."""
    if not normal_brand(text).strip("&"):
        raise ValueError("must be a name with letters or digits in it")
    if printable(text) != text:
        raise ValueError("must be one line of plain text")
    if text.startswith((".", "/", "\\")) or text.lower().endswith(PICTURES):
        raise ValueError("must be a brand's name, not a file's: the name comes first, then the pictures")
    return text


BrandName = Annotated[str, Field(min_length=1, max_length=60), AfterValidator(brand_name)]


class BrandsConfig(Section):
    """Whose marks are recognised, besides the names in the price list."""

    folder: FilePath | None = Field(
        default=None,
        title="Folder",
        description="Folder with one folder per brand (brand.yaml, pictures of its mark), read again when it"
        " changes; absent: the set that comes with the product.",
    )
    only: tuple[BrandName, ...] | None = Field(
        default=None,
        title="Only",
        description="Names of the brands of the folder to recognise; absent: all.",
        max_length=1000,
    )
    staff: tuple[BrandName, ...] = Field(
        default=(),
        title="Staff",
        description="Brands whose mark makes the wearer staff, who is not priced, such as the shop's own.",
        max_length=100,
    )

    @property
    def place(self) -> Path:
        """The folder of brands."""
        return self.folder or STARTER
