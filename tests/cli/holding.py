"""Another controller that holds the lease of a stage: one that died, or one that lives."""

from stage import Stage

from controller.core.model.lease import Lease, newest
from controller.files.document import render
from controller.files.leases import FOLDER, lease_path, parse_lease

WHO = "bob (process 7)"


def hold(stage: Stage, renewals: int = 2, epoch: int = 4) -> None:
    """By a controller that died."""
    theirs = Lease(stage.project, "them", WHO, epoch, renewals, 60.0, "2026-03-01T09:00:00Z")
    stage.write(lease_path(stage.project), render(theirs))


def hold_alive(stage: Stage) -> None:
    """By a controller that renews it every 20 s."""
    hold(stage)
    stage.clock.passing.append(lambda: hold(stage, 2 + int(stage.clock.elapsed // 20)))


def held_by(stage: Stage) -> Lease | None:
    """The lease that counts."""
    owner = stage.project
    names = [name for name in stage.files(FOLDER) if name.startswith(owner.encode().hex())]
    texts = [stage.tree().read((*FOLDER.split("/"), name)) for name in names]
    return newest(lease for text in texts if (lease := parse_lease(text, owner)) is not None)
