"""A finished environment to its final name.

Scripts of a virtual environment name their interpreter by its whole path, so wherever the name of
the build's folder is written, which nothing else has, the final one is written instead; then one
rename makes it the environment.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from controller.node.builder.order import Site

_TEXT_LIMIT = 1024 * 1024  # bytes; no script is larger


def place(site: Site) -> bool:
    """Rename it; False when somebody else's was there first, which is as good."""
    rename_inside(site.building, site.final)
    if site.final.exists() and not site.ready.exists():
        os.rename(site.final, site.gone)  # an environment that lacks its end is none
    try:
        os.rename(site.building, site.final)
    except OSError:
        if not site.ready.exists():
            raise
        return False
    return True


def rename_inside(was: Path, wants: Path) -> None:
    """In every script and setting; packages are found by where their interpreter is."""
    old, new = os.fsencode(was.name), os.fsencode(wants.name)
    for path in _texts(was):
        data = path.read_bytes()
        if old in data and b"\0" not in data:
            path.write_bytes(data.replace(old, new))


def _texts(folder: Path) -> Iterator[Path]:
    for top, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "site-packages"]
        for name in names:
            path = Path(top, name)
            if not path.is_symlink() and path.stat().st_size <= _TEXT_LIMIT:
                yield path


def sweep(site: Site) -> None:
    """Remove what dead builders of this environment have left, and what was set aside."""
    for path in site.folder.glob(f"{site.hash}.*-*"):
        mine = path in (site.building, site.gone)
        if path.is_dir() and not path.is_symlink() and not mine:
            shutil.rmtree(path, ignore_errors=True)


def clear(site: Site) -> None:
    """Remove what this run has left."""
    for path in (site.building, site.gone):
        shutil.rmtree(path, ignore_errors=True)
