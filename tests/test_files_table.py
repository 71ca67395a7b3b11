"""Every folder that the product writes in a project is in the manual, with owner, bound and end."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent
_WRITTEN = re.compile(r"""\.raycml(?:/|" / ")([a-z]+)""")


def written() -> set[str]:
    """The folders below `.raycml` that any page of the product names, the embedded CML aside."""
    package = ROOT / "controller"
    pages = [p for p in package.rglob("*.py") if "emulator" not in p.relative_to(package).parts]
    return {name for page in pages for name in _WRITTEN.findall(page.read_text())}


def table() -> dict[str, list[str]]:
    text = (ROOT / "docs" / "operations.md").read_text()
    part = text.split("## Files in the project")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in part.splitlines() if "`.raycml/" in line[:14]]
    return {row[0].strip("`").removeprefix(".raycml/"): row[1:] for row in rows}


def test_every_folder_has_an_owner_a_bound_and_an_end() -> None:
    assert set(table()) == written(), "docs/operations.md, `Files in the project`"
    for folder, cells in table().items():
        assert len(cells) == 3, folder
        assert all(len(cell) > 5 for cell in cells), folder
