"""A running store keeps its memory and its files to itself."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

CODE = """
import ctypes, os, resource
from pathlib import Path
from pipelines.private_process import make_private
make_private()
Path("folder").mkdir()
Path("folder/file").write_text("x")
print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
print(resource.getrlimit(resource.RLIMIT_CORE)[0])
print(oct(os.stat("folder").st_mode & 0o777), oct(os.stat("folder/file").st_mode & 0o777))
"""


def test_no_core_and_nothing_for_other_users(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == ["0", "0", "0o700", "0o600"]
