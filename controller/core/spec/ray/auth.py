"""Authentication of everything that connects to the Ray of a cluster: by a token, or not at all."""

from typing import Annotated, Literal

from controller.core.spec.fields import SpecModel, about

AuthMode = Literal["token", "disabled"]
TOKEN: AuthMode = "token"  # noqa: S105 - the name of a mode
DISABLED: AuthMode = "disabled"


class AuthOptions(SpecModel):
    """Authentication of nodes, drivers, jobs and dashboards."""

    mode: Annotated[AuthMode, about("Mode", "restarts", "token", "disabled")]
    """token: Ray refuses every program that does not show the cluster's token, a file in the
    project. disabled: every program that reaches a node can run code on the cluster.
    """
