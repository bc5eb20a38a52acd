"""`msh restore`: puts a backup in place, whole or not at all; `--undo` takes that back."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.backup.restore import plan_restore, restore, undo, was_interrupted
from pipelines.errors import BadInput
from pipelines.paths import state_path
from pipelines.settings.load import secrets_beside, secrets_folder
from pipelines.settings.substitute import Substitution, Unfilled
from scripts.commands.placeholders import Placeholders
from scripts.work_folder import work_folder

if TYPE_CHECKING:
    import argparse

    from pipelines.backup.restore import RestorePlan


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    about = "put a backup in place, whole or not at all; what it replaces is kept"
    parser = subparsers.add_parser("restore", help=about, description=about)
    parser.add_argument("file", type=Path, nargs="?", metavar="FILE", help="what `msh backup` wrote")
    parser.add_argument("config", type=Path, metavar="CONFIG", help="the store file to write")
    parser.add_argument(
        "--state", type=Path, metavar="FOLDER", help="the store's state folder, if not the user's"
    )
    parser.add_argument(
        "--check", action="store_true", help="check the backup and say what would go where, no more"
    )
    parser.add_argument("--undo", action="store_true", help="put back what the last restore replaced")
    parser.add_argument(
        "--outside",
        action="store_true",
        help="write files where the backup says, outside of CONFIG's folder too",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Restore, check or undo; return 0."""
    config: Path = args.config
    if args.undo:
        for path in undo(config):
            print(f"as before: {path}")
        return 0
    if args.file is None:
        raise BadInput("name the backup and the store file: msh restore FILE CONFIG")
    if was_interrupted(config) and not args.check:
        undo(config)
        print("an earlier restore was interrupted; it was taken back first")
    env, state = Placeholders(os.environ, digits=True), args.state or state_path()
    with work_folder("restore") as scratch:
        plan = plan_restore(
            args.file, config, state, Path(scratch), env, placeholders=env.made, outside=args.outside
        )
        set_aside = [] if args.check else restore(plan, config)
    _say(plan, env, set_aside, state, config, checked=args.check)
    return 0


def _is_set(name: str, state: Path, config: Path) -> bool:
    """Return whether a running store would find this secret."""
    beside = secrets_beside(os.environ, config)
    try:
        Substitution(os.environ, secrets_folder(os.environ), state / "secrets", beside).fill(f"${{{name}}}")
    except Unfilled:
        return False
    return True


def _say(
    plan: RestorePlan, env: Placeholders, set_aside: list[Path], state: Path, config: Path, *, checked: bool
) -> None:
    manifest = plan.manifest
    print(f"store {manifest.store}, backed up {manifest.made_at} by release {manifest.product}")
    for name, path in plan.parts.items():
        print(f"  {'would go' if checked else 'restored'}: {name} -> {path}")
    for path in set_aside:
        print(f"  kept: {path}")
    paths = [need for need in manifest.needs if "/" in need and not Path(need).exists()]
    if missing := [
        *(name for name in sorted(env.requested - plan.filled) if not _is_set(name, state, config)),
        *paths,
    ]:
        print(f"  missing yet, not in any backup: {', '.join(missing)}")
