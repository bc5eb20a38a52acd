"""What a store deletes now and then, as it is put together."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pipelines.access_log import AccessKind, AccessLog, AccessWay, access_file
from pipelines.assembly.housekeeping import build_retention
from pipelines.cameras.states import CameraState
from pipelines.clock import StoreClock
from pipelines.paths import state_folder
from probes.metrics import Metrics
from tests.pipelines.settings.store_file import MINIMAL, load

if TYPE_CHECKING:
    from pathlib import Path


def test_a_store_deletes_what_has_had_its_time_in_the_access_log_of_a_former_id(tmp_path: Path) -> None:
    settings, former = load(tmp_path, MINIMAL), access_file("shop-0", state_folder())
    log = AccessLog(former, days=30, now_ns=lambda: 0, getrandbits=lambda _: 7)
    log.note(AccessKind.SIGNED_IN, "staff", AccessWay.PAGE, address="10.0.0.7")
    log.close()
    metrics = Metrics([state.value for state in CameraState])
    build_retention(settings, metrics, StoreClock(), tidy=list).check()
    assert not former.exists()


def test_a_store_deletes_the_old_files_of_a_former_id_and_none_of_its_own(tmp_path: Path) -> None:
    settings = load(tmp_path, MINIMAL)
    paths = [state_folder() / f"insights-{store}.db" for store in ("shop-0", settings.store.id)]
    for path in paths:
        path.touch()
        os.utime(path, (0, 0))
    metrics = Metrics([state.value for state in CameraState])
    build_retention(settings, metrics, StoreClock(), tidy=list).check()
    assert [path.exists() for path in paths] == [False, True]
