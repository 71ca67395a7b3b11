"""The house rules, checked on the syntax trees: who imports whom, what the core may not touch,
how long pages and functions may be."""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

from tests.conftest import FIRST

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "controller"
PAGES = sorted(p for p in PACKAGE.rglob("*.py"))
PAGE_LINES_MAX = 360
FUNCTION_LINES_MAX = 55
FUNCTION_LINES_MEDIAN = 10

# Who may import whom, by the first part of the name below `controller`.
ALLOWED = {
    "core": {"core"},
    "clock": set(),
    "printable": set(),
    "redaction": set(),
    "settings": {"core"},
    "telemetry": {"core", "clock", "printable", "settings", "reconcile", "redaction", "telemetry"},
    "execute": {"core"},
    "reconcile": {"core", "execute"},
    "loop": {"core", "clock", "reconcile"},
    "follow": {"core", "clock"},
    "cml": {"core", "clock", "redaction", "cml"},
    "source": {"core", "source"},
    "launcher": {"core", "launcher"},
    "files": {"core", "clock", "files"},
    "web": {"core", "clock", "printable", "web"},
    "emulator": {"clock", "emulator"},
}
# What would make the core impure: clocks, randomness, input and output, logging, environment.
IMPURE = {
    "asyncio", "datetime.now", "glob", "http", "httpx", "io", "logging", "multiprocessing", "os",
    "pathlib", "random", "secrets", "select", "shutil", "signal", "socket", "structlog",
    "subprocess", "sys", "tempfile", "threading", "time", "urllib", "uuid", "yaml",
}  # fmt: skip
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "now", "utcnow", "today"}
SHELLS = {"os.system", "os.popen"}


def part(page: Path) -> str:
    return page.relative_to(PACKAGE).with_suffix("").parts[0]


def tree(page: Path) -> ast.Module:
    return ast.parse(page.read_text(), str(page))


def imports(page: Path) -> Iterator[str]:
    for node in ast.walk(tree(page)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{page}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def functions(page: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree(page)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{page.name}:{node.name}", (node.end_lineno or 0) - node.lineno + 1


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_page_imports_only_what_its_place_allows(page: Path) -> None:
    place = part(page)
    if place not in ALLOWED:
        assert place in {"cli", "__init__", "__main__", "start"}, f"{place} has no rule"
        return
    for name in imports(page):
        if name.startswith("controller."):
            target = name.split(".")[1]
            ours = target in ALLOWED[place] or name == "controller.__version__"
            assert ours, f"{place} imports {name}"


@pytest.mark.parametrize("page", [p for p in PAGES if part(p) == "core"], ids=lambda p: p.stem)
def test_the_core_is_pure(page: Path) -> None:
    touched = {name for name in imports(page) if name.split(".")[0] in IMPURE}
    assert not touched
    for node in ast.walk(tree(page)):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else ""
            name = node.func.attr if isinstance(node.func, ast.Attribute) else name
            assert name not in IMPURE_CALLS, f"{page.name}:{node.lineno} calls {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(PACKAGE)))
def test_a_page_opens_by_saying_what_it_is(page: Path) -> None:
    assert ast.get_docstring(tree(page)), page


def test_pages_are_short() -> None:
    long = {str(p): n for p in PAGES if (n := len(p.read_text().splitlines())) > PAGE_LINES_MAX}
    assert not long


def test_functions_are_small() -> None:
    sizes = dict(size for page in PAGES for size in functions(page))
    assert not {name: n for name, n in sizes.items() if n > FUNCTION_LINES_MAX}
    assert median(sizes.values()) < FUNCTION_LINES_MEDIAN


def test_only_the_clock_reads_the_time() -> None:
    # What runs inside a pod is a program of its own, without our clock.
    own = {"clock", "launcher"}
    users = {part(p) for p in PAGES if any(n.split(".")[0] == "time" for n in imports(p))}
    assert users - own <= {"emulator"}, users


def test_nothing_goes_through_a_shell() -> None:
    for page in PAGES:
        for node in ast.walk(tree(page)):
            if isinstance(node, ast.keyword) and node.arg == "shell":
                pytest.fail(f"{page}:{node.value.lineno} names a shell")
            if isinstance(node, ast.Attribute) and ast.unparse(node) in SHELLS:
                pytest.fail(f"{page}:{node.lineno} uses {ast.unparse(node)}")


def test_the_root_stays_bare() -> None:
    kept = {"controller", "specs", "tests", "docs", "pyproject.toml", "README.md", "Makefile"}
    kept |= {"CHANGELOG.md", "constraints.txt", "LICENSE"}
    found = {p.name for p in ROOT.iterdir() if not p.name.startswith(".")}
    assert {f for f in found if not f.endswith(".egg-info")} <= kept


def test_what_the_suite_begins_with_is_there() -> None:
    assert not [path for path in FIRST if not (ROOT / path).exists()]
