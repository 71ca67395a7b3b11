"""Three specs in a git repository, as the stories of a followed source begin."""

from stage import Stage

from tests.repositories import Repository

SPECS = ("one", "two", "three")


def text_of(stage: Stage, name: str, *, replicas: int = 1, **changes: object) -> str:
    """The text of a spec, without a file on the stage."""
    path = stage.spec(name, replicas=replicas, **changes)
    text = path.read_text()
    path.unlink()
    return text


def three(stage: Stage, *, replicas: int = 1) -> Repository:
    """A repository whose one commit holds the specs."""
    repository = Repository(stage.folder / "repository")
    repository.commit(**{name: text_of(stage, name, replicas=replicas) for name in SPECS})
    return repository


def clusters(stage: Stage) -> set[str]:
    """The names of the clusters that have applications."""
    return {name.split("-")[1] for name in stage.applications()}
