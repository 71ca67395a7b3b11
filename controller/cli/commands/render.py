"""`raycml render`: applications and launchers of a spec, offline.

Values of variables are left out, since they may be secret.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import typer

from controller.cli.output.documents import RenderedJson, RenderJson
from controller.core.model.configuration import configuration, launcher_settings
from controller.core.model.desired import DesiredCluster, Group, desire
from controller.core.model.member import Member, parse_member
from controller.core.model.offers import tail
from controller.core.model.plan import Configuration
from controller.core.model.policy import Policy
from controller.core.situation.authentication import auth_mode
from controller.core.spec.names import HEAD
from controller.core.spec.placement.kinds import RuntimeChoice
from controller.core.spec.revision import Revision
from controller.node import render as launchers
from controller.terminal.columns import table
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.options import Form, NoColor, Output, Paths, option
from controller.terminal.screen import Screen
from controller.terminal.specs import load
from controller.workspace.session import offline_policy

_SHOWN = 5  # members in a message
_CONNECTION = "(the connection's project)"

One = Annotated[
    str | None, option("--member", "MEMBER", "Show this member: head, gpu/0 or analytics:gpu/0.")
]
Launcher = Annotated[str | None, option("--launcher", "MEMBER", "Print this member's launcher.")]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A member, rendered."""

    cluster: DesiredCluster
    group: Group
    member: Member
    configuration: Configuration

    @property
    def name(self) -> str:
        return f"{self.cluster.name}:{self.member}"


def render(
    ctx: typer.Context,
    paths: Paths = None,
    *,
    member: One = None,
    launcher: Launcher = None,
    output: Output = Form.TEXT,
    no_color: NoColor = False,
) -> Exit:
    """Example: raycml render specs/ --launcher head

    Show the applications and launchers of specs, offline.
    """
    screen = Screen(ctx.obj, plain=no_color, verbose=False)
    policy = offline_policy(ctx.obj.environ)
    members = list(_rendered(load(paths), policy))
    if launcher is not None:
        screen.exact(_launcher_text(members, launcher, policy))
        return Exit.DONE
    chosen = members if member is None else _matching(members, member, "--member")
    if output is Form.JSON:
        screen.document(RenderJson(applications=tuple(map(_json, chosen))))
    else:
        screen.data(_text(chosen))
    return Exit.DONE


def _rendered(revision: Revision, policy: Policy) -> Iterator[Rendered]:
    """Every member of a new cluster, that is with the lowest ordinals."""
    names = {document.cluster.spec.project for document in revision.clusters}
    for cluster in desire(revision, {name: name or _CONNECTION for name in names}, {}).clusters:
        for group in cluster.groups:
            for member in map(group.member, range(group.replicas)):
                own = configuration(group, member, policy, auth_mode=auth_mode(cluster, ()))
                yield Rendered(cluster, group, member, own)


def _launcher_text(members: list[Rendered], written: str, policy: Policy) -> str:
    matching = _matching(members, written, "--launcher")
    if len({one.configuration.script for one in matching}) > 1:
        message = f"`{written[:60]}` is a member of several clusters: {_listed(matching)}"
        raise CommandError(message, Exit.USAGE, f"`raycml render --launcher {matching[0].name}`")
    return launchers.launcher(json.loads(launcher_settings(matching[0].group, policy.edition)))


def _matching(members: list[Rendered], written: str, name: str) -> list[Rendered]:
    cluster, colon, rest = written.rpartition(":")
    member = parse_member(rest)
    own = [m for m in members if not colon or m.cluster.name == cluster]
    chosen = [m for m in own if m.member == member]
    if not chosen:
        some = _listed(members)
        message = f"`{written[:60]}` is not a member of these specs; members are: {some}"
        raise CommandError(message, Exit.USAGE, f"`raycml render {name} {HEAD}`")
    return chosen


def _listed(members: list[Rendered]) -> str:
    names = [one.name for one in members[:_SHOWN]]
    more = [f"and {len(members) - _SHOWN} more"] if len(members) > _SHOWN else []
    return ", ".join(names + more) or "none"


def _text(members: list[Rendered]) -> str:
    header = ("APPLICATION", "PROJECT", "CPU", "MEMORY", "GPU", "RUNTIME", "LAUNCHER")
    return table(header, *map(_row, members))


def _row(one: Rendered) -> tuple[str, ...]:
    own, project = one.configuration, one.cluster.project
    size = (f"{own.cpu:g}", f"{own.memory:g}Gi", str(own.gpu))
    return own.name, project, *size, tail(own.runtime) or str(_choice(one)), own.script


def _choice(one: Rendered) -> RuntimeChoice | None:
    """The kind of runtime, where the spec names no image."""
    return one.group.inputs.runtime_choice


def _json(one: Rendered) -> RenderedJson:
    own, choice = one.configuration, _choice(one)
    return RenderedJson(
        cluster=one.cluster.name,
        member=str(one.member),
        project=None if one.cluster.project == _CONNECTION else one.cluster.project,
        name=own.name,
        subdomain=own.subdomain,
        cpu=own.cpu,
        memory=own.memory,
        gpu=own.gpu,
        runtime=own.runtime,
        launcher=own.script,
        fingerprint=one.group.fingerprint,
        variables=sorted(one.group.inputs.environment),
        placement=one.group.inputs.placement.names(),
        runtime_choice={} if choice is None else choice.given(),
    )
