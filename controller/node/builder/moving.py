"""Rename of a complete environment to its final name.

Scripts of a virtual environment contain the full path of their interpreter, so the unique name of
the build folder is replaced by the final one; then one rename makes it the environment.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from controller.node.builder.order import Site

_TEXT_LIMIT = 1024 * 1024  # bytes; scripts are smaller


def publish(site: Site) -> bool:
    """Rename the environment; False if another run's was first, which is equivalent."""
    rename_inside(site.building, site.final)
    if site.final.exists() and not site.ready.exists():
        os.rename(site.final, site.replaced)  # an incomplete environment
    try:
        os.rename(site.building, site.final)
    except OSError:
        if not site.ready.exists():
            raise
        return False
    return True


def rename_inside(building: Path, final: Path) -> None:
    """Replace the name in every script and setting; packages do not contain it."""
    old, new = os.fsencode(building.name), os.fsencode(final.name)
    for path in _texts(building):
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
    """Remove leftovers of dead builders of this environment, and replaced environments."""
    for path in site.folder.glob(f"{site.hash}.*-*"):
        own = path in (site.building, site.replaced)
        if path.is_dir() and not path.is_symlink() and not own:
            shutil.rmtree(path, ignore_errors=True)


def clear(site: Site) -> None:
    """Remove leftovers of this run."""
    for path in (site.building, site.replaced):
        shutil.rmtree(path, ignore_errors=True)
