"""The site: it builds without a warning, and loads nothing from elsewhere."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.documents.markdown import DOCS, ROOT

pytestmark = pytest.mark.slow

# What a browser fetches by itself; a link that a person follows may lead anywhere.
_FETCHED = re.compile(r'<(?:script|img|iframe)[^>]*\ssrc="([^"]+)"|<link[^>]*\shref="([^"]+)"')


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", folder],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_every_document_is_a_page_of_the_site(site: Path) -> None:
    wanted = {d.relative_to(DOCS).with_suffix(".html") for d in DOCS.rglob("*.md")}
    assert wanted <= {page.relative_to(site) for page in site.rglob("*.html")}


def test_a_page_loads_nothing_from_elsewhere(site: Path) -> None:
    fetched = {
        target
        for page in site.rglob("*.html")
        for found in _FETCHED.findall(page.read_text(encoding="utf-8"))
        for target in found
    }
    assert fetched
    assert not [target for target in fetched if re.match(r"(?:\w+:)?//", target)]
