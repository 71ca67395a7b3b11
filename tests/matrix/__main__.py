"""The matrix: the story with many versions of Ray, a table, and the page of versions.

    python -m tests.matrix [VERSION ...]     such as 2.44.1; without one, all of them

Exit code 1 if a story failed.
"""

import sys
import traceback
from collections.abc import Sequence

from tests.documents.markdown import ROOT
from tests.documents.reference import page
from tests.matrix.installs import PYTHONS, UnavailableError, install
from tests.matrix.measured import Entry, write
from tests.matrix.story import STEPS, story

WHOLE = "whole"


def main(versions: Sequence[str]) -> int:
    told = [tell(version) for version in versions or PYTHONS]
    write(entry for entry in told if entry["python"] != "-")
    (ROOT / "docs" / "reference" / "ray-versions.md").write_text(page("ray-versions"), "utf-8")
    for entry in told:
        print(f"{entry['ray']:8}  Python {entry['python']:8}  {entry['story']}")
    return 0 if all(entry["story"] == WHOLE for entry in told) else 1


def tell(version: str) -> Entry:
    """What was measured; the story is `whole`, or the step that failed."""
    base = {"ray": version, "python": "-", "pins": []}
    try:
        found = install(version)
    except UnavailableError as error:
        return {**base, "story": f"not installed: {error}"}
    with story(found) as one:
        result = WHOLE
        for step in STEPS:
            name = step.__name__.replace("_", " ")
            print(f"{version}: {name}", flush=True)
            try:
                step(one)
            except Exception:  # noqa: BLE001  shown, and noted in the table
                traceback.print_exc()
                result = f"failed: {name}"
                break
    return {**base, **one.facts, "pins": list(found.pins), "story": result}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
