"""Faults: looks and effects that did not succeed."""

from controller.core.model.fault_kinds import FaultKind
from controller.core.model.plan import Result


class Fault(Exception):  # noqa: N818  a word of the design, and a base that says more than "error"
    """A look or an effect that did not succeed.

    `aborts` says that nothing else may be tried in this project
    in this pass.  The message is for people and holds no secret.
    """

    def __init__(
        self, message: str, *, result: Result = Result.FAILED, kind: FaultKind, aborts: bool = False
    ) -> None:
        super().__init__(message)
        self.result = result
        self.kind = kind
        self.aborts = aborts
