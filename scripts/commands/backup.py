"""`msh backup`: settings, prices, gallery, staff and counts in one file, without secrets or people."""

from __future__ import annotations

import os
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.backup.collect import back_up
from pipelines.brands.clear_faces import build_face_count
from pipelines.paths import state_path
from pipelines.settings.load import load_settings
from scripts.commands.placeholders import Placeholders
from scripts.work_folder import work_folder

if TYPE_CHECKING:
    import argparse

    from engines.marks.picture import MarkPicture
    from pipelines.brands.clear_faces import FaceCount


@cache
def _face_count() -> FaceCount:
    """Load the model once, and only where a gallery has photographs."""
    return build_face_count()


def _count_faces(picture: MarkPicture) -> int:
    return _face_count()(picture)


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    about = "write settings, prices, brands, staff and counts into one file, without secrets or people"
    parser = subparsers.add_parser("backup", help=about, description=about)
    parser.add_argument("config", type=Path, metavar="CONFIG", help="the store file")
    parser.add_argument("file", type=Path, metavar="FILE", help="the backup to write")
    parser.add_argument(
        "--state", type=Path, metavar="FOLDER", help="the store's state folder, if not the user's"
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the backup, say what is in it and what is not; return 0."""
    env = Placeholders(os.environ, digits=True)
    settings = load_settings(args.config, env=env, placeholders=env.made)
    state = args.state or state_path()
    with work_folder("backup") as scratch:
        report = back_up(
            settings,
            state,
            args.file,
            datetime.now(timezone.utc),
            Path(scratch),
            names=env.requested,
            faces=_count_faces,
        )
    print(f"{args.file}: {len(report.manifest.files)} files of store {report.manifest.store}")
    for one in report.left_out:
        print(f"  left out: {one}")
    if report.manifest.needs:
        print(f"  not in it, keep them elsewhere: {', '.join(report.manifest.needs)}")
    return 0
