"""The house rules, checked on the syntax trees: arrows between parts, purity of the core, sizes."""

import ast
from collections import Counter
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

FOLDER_FILES_MAX = 20
SHARED_PREFIX_MAX = 2
# The arrows: each part of the house may import the parts named beside it, and nothing else.
# The core's tiers first, then what stands on them; a part never imports one that stands below it
# in this list.
CORE = {
    "core/spec": set(),
    "core/model": {"core/spec"},
    "core/situation": {"core/spec", "core/model"},
    "core/planner": {"core/spec", "core/model", "core/situation"},
    "core/audit": {"core/spec", "core/model", "core/situation"},
    "core/status": {"core/spec", "core/model", "core/situation"},
}
_READS = {"core/spec", "core/model", "core/status"}
ARROWS: dict[str, set[str]] = {
    "clock": set(),
    "printable": set(),
    "redaction": set(),
    **CORE,
    "settings": {"core/spec", "core/model"},
    "cml": {"core/spec", "core/model", "clock", "redaction"},
    "files": {*_READS, "clock"},
    "source": {"core/spec", "printable"},
    "convert": {"core/spec", "core/model", "printable", "source"},
    "node": set(),
    "web": {*_READS, "clock", "printable"},
    "emulator": {"clock"},
    "effects": {"core/model"},
    "execute": {"core/model", "effects"},
    "reconcile": {*CORE, "execute"},
    "telemetry": {"core/model", "printable", "reconcile", "redaction"},
    "process": {"clock", "cml", "printable", "telemetry"},
    "terminal": {
        *(*_READS, "clock", "printable", "process", "reconcile", "settings"),
        *("cml", "emulator", "files", "source"),  # their errors, as exit codes with remedies
    },
    "workspace": {
        *("core/spec", "core/model", "clock", "settings", "telemetry", "process", "terminal"),
        *("cml", "files", "node", "emulator", "execute"),
    },
    "guards": {"core/spec", "core/model", "files", "reconcile", "terminal", "workspace"},
    "adoption": {
        *(*CORE, "printable", "reconcile", "terminal", "workspace", "guards"),
    },
    "run": {
        *(*CORE, "clock", "printable", "settings", "execute", "reconcile", "telemetry", "files"),
        *("source", "web", "process", "terminal", "workspace", "guards", "adoption"),
    },
    "acceptance": {
        *(*CORE, "clock", "reconcile", "cml", "files", "node", "process", "terminal"),
        *("workspace", "run"),
    },
    "bootstrap": {
        *(*CORE, "clock", "effects", "execute", "settings", "cml", "files", "node", "source"),
        *("process", "terminal", "workspace", "run"),
    },
    "doctor": {
        *(*CORE, "clock", "redaction", "settings", "telemetry", "cml", "emulator", "files"),
        *("node", "process", "source", "terminal", "workspace"),
    },
    "cli": {
        *(*CORE, "printable", "reconcile", "telemetry", "cml", "emulator", "files", "node"),
        *("source", "web", "process", "terminal", "workspace", "guards", "adoption", "run"),
        *("acceptance", "bootstrap", "convert", "doctor"),
    },
    "start": {"cli"},
    "__main__": {"start"},
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
    """The part of the house that a module belongs to: its tier of the core, or its top folder."""
    return part_of(page.relative_to(PACKAGE).with_suffix("").as_posix())


def part_of(name: str) -> str:
    first, _, rest = name.partition("/")
    return f"core/{rest.partition('/')[0]}" if first == "core" and rest else first


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
def test_a_module_imports_only_what_the_arrows_allow(page: Path) -> None:
    place = part(page)
    if place in {"__init__", "core/__init__"}:
        assert not list(imports(page))
        return
    for name in imports(page):
        if name.startswith("controller.") and name != "controller.__version__":
            target = part_of(name.removeprefix("controller.").replace(".", "/"))
            assert target in ARROWS[place] | {place}, f"{place} imports {name}"


def test_no_arrow_points_back() -> None:
    order = list(ARROWS)
    back = [(a, b) for a in order for b in ARROWS[a] if order.index(b) >= order.index(a)]
    assert not back


def test_each_arrow_is_used() -> None:
    used = {
        (part(page), part_of(name.removeprefix("controller.").replace(".", "/")))
        for page in PAGES
        for name in imports(page)
        if name.startswith("controller.")
    }
    arrows = {(a, b) for a, allowed in ARROWS.items() for b in allowed}
    assert not {(a, b) for a, b in arrows - used if b not in CORE or a in CORE}


def test_a_folder_can_be_taken_in_at_a_glance() -> None:
    folders = Counter(page.parent for page in PAGES)
    assert not {f"{p}": n for p, n in folders.items() if n > FOLDER_FILES_MAX}


def test_a_prefix_that_three_modules_share_is_a_folder() -> None:
    shared = Counter((p.parent, p.stem.split("_")[0]) for p in PAGES if "_" in p.stem.strip("_"))
    assert not {f"{p}/{prefix}_*": n for (p, prefix), n in shared.items() if n > SHARED_PREFIX_MAX}


@pytest.mark.parametrize(
    "page", [p for p in PAGES if part(p).startswith("core")], ids=lambda p: p.stem
)
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


def test_a_class_name_stands_once_in_the_product() -> None:
    """Embedded CML and node program aside: they are programs of their own."""
    homes: dict[str, list[str]] = {}
    for page in PAGES:
        if part(page) not in {"emulator", "node"}:
            for node in tree(page).body:
                if isinstance(node, ast.ClassDef):
                    homes.setdefault(node.name, []).append(str(page.relative_to(PACKAGE)))
    assert not {name: found for name, found in homes.items() if len(found) > 1}


def test_pages_are_short() -> None:
    long = {str(p): n for p in PAGES if (n := len(p.read_text().splitlines())) > PAGE_LINES_MAX}
    assert not long


def test_functions_are_small() -> None:
    sizes = dict(size for page in PAGES for size in functions(page))
    assert not {name: n for name, n in sizes.items() if n > FUNCTION_LINES_MAX}
    assert median(sizes.values()) < FUNCTION_LINES_MEDIAN


def test_only_the_clock_reads_the_time() -> None:
    # What runs inside a pod is a program of its own, without our clock.
    own = {"clock", "node"}
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
    kept |= {"CHANGELOG.md", "CONTRIBUTING.md", "constraints.txt", "LICENSE", "mkdocs.yml"}
    found = {p.name for p in ROOT.iterdir() if not p.name.startswith(".")}
    assert {f for f in found if not f.endswith(".egg-info")} <= kept


def test_what_the_suite_begins_with_is_there() -> None:
    assert not [path for path in FIRST if not (ROOT / path).exists()]
