"""`raycml render`: applications and launchers of a spec, offline.

Values of variables are left out, since they may be secret.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated

import typer

from controller.cli.output.documents import RenderedJson, RenderJson
from controller.core.model.desired import (
    DesiredCluster,
    DesiredState,
    Group,
    configuration,
    desire,
    launcher_settings,
)
from controller.core.model.member import Member, parse_member
from controller.core.model.plan import Configuration
from controller.core.model.policy import Policy
from controller.core.spec.names import HEAD
from controller.core.spec.revision import Revision
from controller.node import render as launchers
from controller.terminal.columns import aligned
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.options import Form, NoColor, Output, Paths
from controller.terminal.screen import Screen
from controller.terminal.specs import load
from controller.workspace.session import offline_policy

_SHOWN = 5  # members in a message
_CONNECTION = "(the connection's project)"

One = Annotated[
    str | None,
    typer.Option(
        "--member",
        metavar="MEMBER",
        help="Show this member: head, gpu/0 or analytics:gpu/0.",
        show_default=False,
    ),
]
Launcher = Annotated[
    str | None,
    typer.Option(
        "--launcher",
        metavar="MEMBER",
        help="Print this member's launcher.",
        show_default=False,
    ),
]


@dataclass(frozen=True, slots=True)
class Rendered:
    """A member, rendered."""

    cluster: DesiredCluster
    group: Group
    member: Member
    wanted: Configuration

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
    found = list(rendered(load(paths), policy))
    if launcher is not None:
        screen.exact(_launcher_text(found, launcher, policy))
        return Exit.DONE
    chosen = found if member is None else _matching(found, member, "--member")
    if output is Form.JSON:
        screen.document(RenderJson(applications=tuple(map(_json, chosen))))
    else:
        screen.data(rendered_text(chosen))
    return Exit.DONE


def rendered(revision: Revision, policy: Policy) -> Iterator[Rendered]:
    """Every member of a new cluster, that is with the lowest ordinals."""
    for cluster in _desired(revision).clusters:
        for group in cluster.groups:
            for ordinal in range(group.replicas):
                member = group.member(ordinal)
                wanted = configuration(group, member, policy)
                yield Rendered(cluster, group, member, wanted)


def _desired(revision: Revision) -> DesiredState:
    named = {holder.cluster.spec.project for holder in revision.clusters}
    return desire(revision, {name: name or _CONNECTION for name in named}, {})


def _launcher_text(found: list[Rendered], written: str, policy: Policy) -> str:
    matching = _matching(found, written, "--launcher")
    names = {one.wanted.script for one in matching}
    if len(names) > 1:
        message = f"`{written[:60]}` is a member of several clusters: {_listed(matching)}"
        raise CommandError(message, Exit.USAGE, f"`raycml render --launcher {matching[0].name}`")
    return launchers.launcher(json.loads(launcher_settings(matching[0].group, policy.edition)))


def _matching(found: list[Rendered], written: str, option: str) -> list[Rendered]:
    cluster, colon, rest = written.rpartition(":")
    member = parse_member(rest)
    chosen = [
        one for one in found if one.member == member and (not colon or one.cluster.name == cluster)
    ]
    if not chosen:
        some = _listed(found)
        message = f"`{written[:60]}` is not a member of these specs; members are: {some}"
        raise CommandError(message, Exit.USAGE, f"`raycml render {option} {HEAD}`")
    return chosen


def _listed(found: list[Rendered]) -> str:
    named = [one.name for one in found[:_SHOWN]]
    more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    return ", ".join(named + more) or "none"


def rendered_text(found: list[Rendered]) -> str:
    rows = [("APPLICATION", "PROJECT", "CPU", "MEMORY", "GPU", "RUNTIME", "LAUNCHER")]
    rows += [
        (
            one.wanted.name,
            one.cluster.project,
            f"{one.wanted.cpu:g}",
            f"{one.wanted.memory:g}Gi",
            str(one.wanted.gpu),
            one.wanted.runtime.rsplit("/", 1)[-1],
            one.wanted.script,
        )
        for one in found
    ]
    return "\n".join(aligned(rows))


def _json(one: Rendered) -> RenderedJson:
    wanted = one.wanted
    return RenderedJson(
        cluster=one.cluster.name,
        member=str(one.member),
        project=None if one.cluster.project == _CONNECTION else one.cluster.project,
        name=wanted.name,
        subdomain=wanted.subdomain,
        cpu=wanted.cpu,
        memory=wanted.memory,
        gpu=wanted.gpu,
        runtime=wanted.runtime,
        launcher=wanted.script,
        fingerprint=one.group.fingerprint,
        variables=sorted(one.group.inputs.environment),
    )
