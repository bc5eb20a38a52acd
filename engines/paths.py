"""Where the repository's own folders are: the only module that counts folders up from its own file.

>>> (CONFIGS / "models.yaml").is_file()
True
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CONFIGS = ROOT / "configs"
