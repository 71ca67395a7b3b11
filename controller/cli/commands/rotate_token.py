"""`raycml rotate-token`: replacement of a cluster's token.

The head creates the next token when it starts again; its workers follow it in their applications.
"""

from contextlib import suppress

from controller.core.model.orders import OrderKind
from controller.files.port import FilesError, ProjectFiles
from controller.files.tokens import is_requested, read_token
from controller.guards.protection import check_recorded, check_specs
from controller.process.interrupts import saying
from controller.process.operator import operator_name
from controller.run.orders.delegation import lead_or_order, new_order
from controller.run.orders.rotation import AT_REST, head_of, incarnation_of, rotate
from controller.terminal.common import CommonOptions, with_common_options
from controller.terminal.confirm import confirm
from controller.terminal.exit_codes import Exit
from controller.terminal.options import ClusterName, LeadTimeout, Project, Specs, Yes
from controller.terminal.specs import load_if_there, project_of, spec_of
from controller.workspace.session import Session, open_session


@with_common_options
def rotate_token(
    common: CommonOptions,
    name: ClusterName,
    *,
    yes: Yes = False,
    timeout: LeadTimeout = "10m",  # type: ignore[assignment]  # its parser makes it seconds
    project: Project = None,
    specs: Specs = None,
) -> Exit:
    """Example: raycml rotate-token analytics --yes

    Replace the token of a cluster, and restart Ray on its nodes.

    The old token is valid until the head stops.  If the command is interrupted, run it again.
    """
    screen = common.screen
    document = spec_of(name, load_if_there(specs).clusters)
    check_specs(() if document is None else (document,), loses=True)
    with open_session(common, project=project or project_of(document)) as session:
        check_recorded(session, (name,), loses=True)
        head = head_of(session, name, document)
        message = f"This ends all jobs, tasks and actors of {name}, and its old token"
        confirm(screen, message, "Rotate?", yes=yes)
        ends = session.clock.monotonic() + timeout
        before, old = incarnation_of(session, name), read_token(_files(session), name)
        order = new_order(
            session, screen.system, OrderKind.ROTATE, (name,), timeout, incarnation=before
        )
        with saying(f"run `raycml rotate-token {name}` to continue"):
            answer = lead_or_order(session, order, screen.say)
            starts = answer is not None and answer.message != AT_REST
            if answer is None:
                starts = rotate(session, head, operator_name(screen.system.environ), before)
            if not starts:
                screen.data(f"{name}  gets another token when its head starts")
                return Exit.DONE
            if _is_back(session, name, before, old, ends):
                screen.data(f"{name}  token rotated")
                return Exit.DONE
    screen.say(f"the head of {name} does not report a start with another token: run it again")
    return Exit.NOT_CONVERGED


def _is_back(session: Session, name: str, before: str, old: str, ends: float) -> bool:
    """True once another start of the head reports, and its token is another one.

    False at the end of the time, and once the head started again with the old token, by itself.
    """
    while True:
        with suppress(FilesError):  # for a moment, perhaps: the time ends all the same
            is_other = incarnation_of(session, name) not in ("", before)
            is_open = is_requested(_files(session), name)  # the head removes it after its token
            if is_other and not is_open:
                return read_token(_files(session), name) not in ("", old)
        left_s = ends - session.clock.monotonic()
        if left_s <= 0.0:
            return False
        session.clock.wait(min(session.settings.pass_pause_s, left_s))


def _files(session: Session) -> ProjectFiles:
    return session.files(session.project)
