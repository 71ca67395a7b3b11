"""Launchers in pods with a stand-in for Ray: which processes get the token, and which way."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from node_world import Pod, Project, fake_environment, wait_for

pytestmark = pytest.mark.slow
TOKEN, DISABLED = {"RAYCML_AUTH_MODE": "token"}, {"RAYCML_AUTH_MODE": "disabled"}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fake_environment(tmp_path_factory.mktemp("fake") / "venv")


@pytest.fixture
def project(tmp_path: Path, environment: Path) -> Iterator[Project]:
    (tmp_path / ".venv").symlink_to(environment)
    project = Project(tmp_path)
    yield project
    project.end()


def variables(pod: Pod, part: str = "raylet") -> dict[str, str]:
    """The variables of a program of Ray that are about its tokens."""
    data = Path(f"/proc/{pod.part(part)}/environ").read_bytes().decode()
    pairs = (entry.partition("=")[::2] for entry in data.split("\0"))
    return {name: value for name, value in pairs if name.startswith("RAY_AUTH_")}


def token_of(project: Project) -> Path:
    return project.home / ".raycml" / "clusters" / "demo" / "token"


def test_every_process_of_ray_gets_the_path_and_nothing_gets_the_token(project: Project) -> None:
    planted = {**TOKEN, "RAY_AUTH_MODE": "disabled", "RAY_AUTH_TOKEN": "of-the-project"}
    head, worker = project.start("head", environ=planted), project.start("cpu/0", environ=planted)
    head.wait("joined")
    worker.wait("joined")
    path = token_of(project)
    assert project.head_note()["auth_mode"] == "token"
    expected = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(path)}
    assert variables(head, "gcs_server") == variables(head) == variables(worker) == expected
    token = path.read_bytes()
    for pid in (pid for pod in (head, worker) for pid in pod.processes()):
        for name in ("environ", "cmdline"):
            assert token not in Path(f"/proc/{pid}/{name}").read_bytes()
    others = (file for file in project.home.rglob("*") if file.is_file() and file != path)
    assert [
        file for file in others if ".venv" not in file.parts and token in file.read_bytes()
    ] == []
    for pod, page in ((head, "/"), (worker, "/"), (worker, "/healthz")):
        answer = pod.answers(page)
        assert answer is not None
        assert token.decode() not in answer[1]


@pytest.mark.parametrize(("head_says", "worker_says"), [(TOKEN, DISABLED), (DISABLED, TOKEN)])
def test_a_worker_starts_as_its_head_says_whatever_its_own_application_says(
    project: Project, head_says: dict[str, str], worker_says: dict[str, str]
) -> None:
    head = project.start("head", environ=head_says)
    worker = project.start("cpu/0", environ=worker_says)
    head.wait("joined")
    worker.wait("joined")
    assert variables(worker) == variables(head)
    assert variables(head)["RAY_AUTH_MODE"] == head_says["RAYCML_AUTH_MODE"]
    assert token_of(project).exists() == (head_says is TOKEN)


def test_a_worker_follows_a_head_to_another_mode_and_to_another_token(project: Project) -> None:
    head, worker = project.start("head", environ=DISABLED), project.start("cpu/0")
    worker.wait("joined")
    assert variables(worker) == {"RAY_AUTH_MODE": "disabled"}
    head = follow(project, head, worker)
    first = token_of(project).read_text()
    token_of(project).with_name("token.rotate").write_text("{}")
    follow(project, head, worker)
    assert token_of(project).read_text() != first
    assert not token_of(project).with_name("token.rotate").exists()


def follow(project: Project, head: Pod, worker: Pod, **settings: object) -> Pod:
    """The next head, with a token, once the worker has joined it."""
    head.kill()
    successor = project.start("head", environ=TOKEN, **settings)
    successor.wait("joined")

    def followed() -> bool:
        incarnation = project.head_note().get("incarnation")
        return worker.member_document()["head_incarnation"] == incarnation

    wait_for(followed, "the worker follows")
    worker.wait("joined")
    assert variables(worker)["RAY_AUTH_TOKEN_PATH"] == str(token_of(project))
    return successor


def test_a_worker_that_is_remembered_starts_ray_anew_only_with_another_token(
    project: Project,
) -> None:
    memory = {"gcs_storage": "rocksdb"}
    head = project.start("head", environ=TOKEN, **memory)
    worker = project.start("cpu/0", **memory)
    worker.wait("joined")
    raylet = worker.part("raylet")
    head = follow(project, head, worker, **memory)
    assert worker.part("raylet") == raylet
    token_of(project).with_name("token.rotate").write_text("{}")
    follow(project, head, worker, **memory)
    assert worker.part("raylet") != raylet
