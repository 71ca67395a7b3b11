"""Index of the applications of one look, as one owner sees them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby

from controller.core.model.jobs import built_by_application
from controller.core.model.observed import (
    ObservedApplication,
    ObservedProject,
    has_own_name,
    is_adopted,
    is_ours,
    key_of,
)

Place = tuple[str, str]  # project and subdomain
EnvironmentPlace = tuple[str, str]  # project and hash


@dataclass(frozen=True, slots=True)
class Index:
    """Applications of one look.  `owned` carry the owner's mark, in a stable order.

    `named`: those by their own names.  `taken`: names of applications that fill no place by that
    name, because they lack the mark or are adopted into another place.  `builders`: those that
    build a Python environment for the owner; they are no members.
    """

    by_id: Mapping[str, ObservedApplication]
    owned: tuple[ObservedApplication, ...]
    of_cluster: Mapping[str, tuple[ObservedApplication, ...]]
    named: Mapping[Place, ObservedApplication]
    taken: Mapping[Place, ObservedApplication]
    builders: Mapping[EnvironmentPlace, ObservedApplication]


def index_applications(projects: Iterable[ObservedProject], owner: str) -> Index:
    applications = [app for project in projects for app in project.applications]
    owned = sorted((a for a in applications if is_ours(a, owner)), key=lambda a: (a.project, a.id))
    by_cluster = groupby(sorted(owned, key=_cluster_of), key=_cluster_of)
    return Index(
        by_id={app.id: app for app in applications},
        owned=tuple(owned),
        of_cluster={name: tuple(apps) for name, apps in by_cluster},
        named={(app.project, app.subdomain): app for app in owned},
        taken={
            (app.project, app.subdomain): app
            for app in applications
            if not is_ours(app, owner) or (is_adopted(app) and not has_own_name(app))
        },
        builders={
            (app.project, digest): app for app in applications if (digest := built_in(app, owner))
        },
    )


def built_in(app: ObservedApplication, owner: str) -> str:
    """Hash of the environment that an application of this owner builds; empty for another one."""
    return built_by_application(app.environment, app.project, app.subdomain, owner)


def _cluster_of(application: ObservedApplication) -> str:
    return key_of(application).cluster
