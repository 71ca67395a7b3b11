"""The builder builds environments for real, in a home of its own, from a shelf of wheels."""

import hashlib
import os
import socket
import urllib.request
from pathlib import Path

import pytest
from builder_world import HASH, PYTHON, Home, said_by, wheel
from node_world import wait_for

from controller.core.model.member import BUILDER
from controller.node.builder.claim import Claim, age
from controller.node.builder.installing import uv_variables
from controller.node.builder.order import OrderError, read_order
from controller.node.builder.page import APPLICATION, render_page

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_an_environment_is_built_checked_and_says_what_is_in_it(home: Home) -> None:
    wheel(home.shelf, "six", "1.16.0")
    assert home.build(requirements=["six==1.16.0"]) == 0, home.log()
    ready = home.ready()
    assert (ready["hash"], ready["ray"], ready["installer"]) == (HASH, "2.60.0", "pip")
    assert str(ready["python"]).startswith(PYTHON + ".")
    packages = ready["packages"]
    assert isinstance(packages, dict)
    assert (packages["ray"], packages["six"]) == ("2.60.0", "1.16.0")
    assert home.leftovers() == []


def test_scripts_and_modules_work_where_the_environment_ends_up(home: Home) -> None:
    assert home.build() == 0, home.log()
    final = str(home.final)
    assert said_by([home.final / "bin" / "ray"]) == f"ray 2.60.0 {final}\n"
    prefix = "import sys, ray; print(sys.prefix, ray.__file__)"
    assert said_by([home.final / "bin" / "python", "-c", prefix]).startswith(f"{final} {final}/")
    assert "pip" in said_by([home.final / "bin" / "python", "-m", "pip", "--version"])
    for path in (home.final / "bin").iterdir():
        assert path.is_symlink() or b".building-" not in path.read_bytes(), path
    assert ".building-" not in (home.final / "pyvenv.cfg").read_text()


@pytest.mark.slow
def test_the_ray_of_the_spec_is_taken_where_the_packages_leave_it_open(home: Home) -> None:
    wheel(home.shelf, "ray", "2.61.0")
    assert home.build(packages=["ray"]) == 0, home.log()
    assert home.ready()["ray"] == "2.60.0"


def test_a_package_that_is_not_there_fails_the_job_and_is_named_in_the_log(home: Home) -> None:
    assert home.build(packages=["ray", "no-such-package==1.0"]) == 1
    assert not home.final.exists()
    assert "no-such-package==1.0" in home.log()
    assert home.log().splitlines()[-1].endswith("FAILED: the packages cannot be installed")
    assert home.leftovers() == []


@pytest.mark.slow
def test_an_environment_without_ray_fails_with_a_remedy(home: Home) -> None:
    wheel(home.shelf, "six", "1.16.0")
    assert home.build(packages=["six"]) == 1
    assert "add ray[default]==2.60.0 to the packages" in home.log()
    assert not home.final.exists()


@pytest.mark.slow
def test_a_ray_that_cannot_be_imported_fails(home: Home) -> None:
    wheel(home.shelf, "ray", "2.60.0", "raise ImportError('libfoo.so is missing')\n")
    assert home.build() == 1
    assert "libfoo.so is missing" in home.log()


@pytest.mark.slow
def test_hashes_are_checked_and_then_no_constraint_is_added(home: Home) -> None:
    wheel = (home.shelf / "ray-2.60.0-py3-none-any.whl").read_bytes()
    valid = hashlib.sha256(wheel).hexdigest()
    good, bad = (f"ray==2.60.0 --hash=sha256:{digest}" for digest in (valid, "0" * 64))
    assert home.build(packages=[], requirements=[bad]) == 1
    assert "HASHES" in home.log()
    assert home.build(packages=[], requirements=[good]) == 0, home.log()


@pytest.mark.slow
def test_with_hashes_another_ray_than_the_spec_names_fails(home: Home) -> None:
    made = wheel(home.shelf, "ray", "2.61.0")
    line = f"ray==2.61.0 --hash=sha256:{hashlib.sha256(made.read_bytes()).hexdigest()}"
    assert home.build(packages=[], requirements=[line]) == 1
    assert "the packages contain Ray 2.61.0, but rayVersion is 2.60.0" in home.log()


def test_a_python_that_the_runtime_lacks_fails_with_a_remedy(home: Home) -> None:
    assert home.build(python="3.99") == 1
    assert f"the runtime has Python {PYTHON}, not 3.99; choose a runtime" in home.log()


@pytest.mark.slow
def test_an_environment_that_is_there_is_not_built_again(home: Home) -> None:
    assert home.build() == 0, home.log()
    built = home.ready()
    assert home.build(engine="engine2") == 0
    assert home.ready() == built


@pytest.mark.slow
def test_a_folder_that_lacks_its_end_is_replaced(home: Home) -> None:
    home.final.mkdir()
    (home.final / "half").write_text("of something")
    assert home.build() == 0, home.log()
    assert home.ready()["ray"] == "2.60.0"
    assert home.leftovers() == []


def test_an_application_answers_while_it_builds_and_until_it_is_deleted(home: Home) -> None:
    with socket.socket() as link:
        link.bind(("127.0.0.1", 0))
        port = link.getsockname()[1]
    variables = {"RAYCML_BUILDER": "team", "CDSW_APP_PORT": str(port)}
    run = home.start(home.script(), "engine1", **variables)
    try:
        wait_for(lambda: "building" in page(port), "an answer during the build", 60)
        wait_for(home.final.exists, "the environment", 60)
        wait_for(lambda: "ready in" in page(port), "an answer after the build", 60)
        assert run.poll() is None, "CML would start a script that ended again"
        assert "Python environment" in page(port)
    finally:
        home.end(run)
    assert home.leftovers() == []


def page(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
            assert answer.status == 200
            text: str = answer.read().decode()
            return text
    except OSError:
        return ""


def test_an_application_that_cannot_build_ends_as_a_job_does(home: Home) -> None:
    variables = {"RAYCML_BUILDER": "team", "CDSW_APP_PORT": "0"}
    script = home.script(packages=["ray", "no-such-package==1.0"])
    run = home.start(script, "engine1", **variables)
    run.communicate(timeout=120)
    assert run.returncode == 1
    assert home.log().splitlines()[-1].endswith("FAILED: the packages cannot be installed")


def test_an_application_whose_port_is_taken_says_so(home: Home) -> None:
    with socket.socket() as link:
        link.bind(("127.0.0.1", 0))
        link.listen()
        port = str(link.getsockname()[1])
        run = home.start(home.script(), "engine1", RAYCML_BUILDER="team", CDSW_APP_PORT=port)
        run.communicate(timeout=120)
    assert run.returncode == 1
    assert "FAILED: cannot serve a page on 127.0.0.1:" in home.log()


def test_a_page_of_a_build_is_escaped_and_its_mark_is_the_controllers() -> None:
    assert "&lt;b&gt;" in render_page("<b>", "<i>")
    assert "<i>" not in render_page("<b>", "<i>")
    assert APPLICATION == BUILDER


def test_two_runs_at_once_both_end_well_and_one_of_them_builds(home: Home) -> None:
    script = home.script()
    runs = [home.start(script, f"engine{n}") for n in range(2)]
    for run in runs:
        run.communicate(timeout=120)
    assert [run.returncode for run in runs] == [0, 0], home.log()
    assert home.log().count("building ") == 1
    assert home.leftovers() == []


@pytest.mark.slow
def test_a_killed_build_leaves_nothing_that_counts_and_the_next_run_clears_it(home: Home) -> None:
    slow = "import time\nwhile True:\n    time.sleep(0.1)\n"
    good = (home.shelf / "ray-2.60.0-py3-none-any.whl").read_bytes()
    wheel(home.shelf, "ray", "2.60.0", slow)
    run = home.start(home.script(), "engine1")
    wait_for(lambda: "importing Ray" in home.log_so_far(), "the import of Ray", 60)
    home.end(run)
    assert not home.final.exists()
    assert home.leftovers() == [f"{HASH}.building-engine1", f"{HASH}.claim"]
    (home.shelf / "ray-2.60.0-py3-none-any.whl").write_bytes(good)
    assert home.build(engine="engine2") == 0, home.log()
    assert home.leftovers() == []


def test_a_build_that_takes_too_long_is_ended(home: Home) -> None:
    wheel(home.shelf, "ray", "2.60.0", "import time\nwhile True:\n    time.sleep(0.1)\n")
    assert home.build(deadline_s=4) == 1
    assert "not done within 4 s" in home.log()
    assert home.leftovers() == []


@pytest.mark.slow
def test_no_secret_of_an_index_reaches_the_log_nor_the_key_a_build(home: Home) -> None:
    wheel(home.shelf, "ray", "2.60.0", "import os\nassert 'CDSW_APIV2_KEY' not in os.environ\n")
    told = {"PIP_NO_INDEX": "0", "PIP_INDEX_URL": "http://me:hush@127.0.0.1:9/simple"}
    run = home.start(home.script(), "engine1", **told, PIP_RETRIES="0")
    out, _ = run.communicate(timeout=120)
    assert run.returncode == 0, home.log()
    assert "127.0.0.1" in home.log()
    assert "hush" not in home.log() + out.decode()


def test_signals_of_life_keep_a_claim_from_being_taken(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "claim"
    first, second = Claim(path, "one", 0.4), Claim(path, "two", 0.4)
    assert first.take()
    os.utime(path, (path.stat().st_mtime - 60, path.stat().st_mtime - 60))
    with first.hold():
        wait_for(lambda: _is_new(path), "a sign of life")
        assert not second.take()
        assert path.read_text() == "one"
    assert second.take()


def _is_new(path: Path) -> bool:
    return age(path, "test") < 5


def test_the_claim_of_a_dead_holder_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "claim"
    assert Claim(path, "one", 5).take()
    os.utime(path, (path.stat().st_mtime - 60, path.stat().st_mtime - 60))
    second = Claim(path, "two", 5)
    assert not second.take()
    assert second.take()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["claim"]


def test_uv_is_told_what_pip_is_told() -> None:
    listed = (
        "global.index-url='https://one.invalid/simple'\n"
        ":env:.index-url='https://two.invalid/simple'\n"
        "global.extra-index-url='https://a.invalid\\nhttps://b.invalid'\n"
        "global.no-index='false'\nglobal.find-links='/x /y'\nglobal.timeout='3'\nnonsense\n"
    )
    assert uv_variables(listed) == {
        "UV_DEFAULT_INDEX": "https://two.invalid/simple",
        "UV_INDEX": "https://a.invalid https://b.invalid",
        "UV_FIND_LINKS": "/x,/y",
    }
    assert uv_variables("global.no-index='1'\n") == {"UV_NO_INDEX": "1"}


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"hash": "../../etc", "python": "3.11"},
        {"hash": HASH, "python": "3.11; rm"},
        {"hash": HASH, "python": "3.11", "packages": ["--index-url=x"]},
        {"hash": HASH, "python": "3.11", "requirements": ["six\n-e ."]},
        {"hash": HASH, "python": "3.11", "stale_s": "soon"},
    ],
)
def test_settings_that_are_no_order_are_refused(order: dict[str, object]) -> None:
    with pytest.raises(OrderError, match=r"settings of an environment|must not be an option"):
        read_order(order)
