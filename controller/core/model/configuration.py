"""Configuration of a member's application: its mark, its launcher and what CML is asked for."""

import json
from dataclasses import asdict

from controller.core.model.desired import LAUNCHERS, DesiredCluster, Group
from controller.core.model.member import Mark, Member, application_name
from controller.core.model.plan import Configuration
from controller.core.model.policy import Policy
from controller.core.spec.fingerprint import canonical
from controller.core.spec.placement.kinds import NOTHING, RUNTIME, Record, kept, placement_ids
from controller.core.spec.placement.kinds import write_record as record_text


def launcher_prefix(cluster: str, group: str, mark: str) -> str:
    """Path of the launchers of one fingerprint, up to the edition of the node program."""
    return f"{LAUNCHERS}/{cluster}/{group}-{mark.partition(':')[2]}-"


def launcher_path(group: Group, edition: str) -> str:
    return f"{launcher_prefix(group.cluster, group.name, group.fingerprint)}{edition}.py"


def launcher_settings(group: Group, edition: str) -> str:
    """Settings of a launcher as canonical JSON: a function of its path and nothing else."""
    inputs = group.inputs
    return canonical(
        {
            "cluster": group.cluster,
            "group": group.name,
            "fingerprint": group.fingerprint,
            "launcher": launcher_path(group, edition),
            "python": inputs.python,
            "ray_version": inputs.ray_version,
            "cpu": inputs.cpu,
            "memory_gib": inputs.memory,
            "gpu": inputs.gpu,
            "ray_start_params": dict(inputs.ray_start_params),
            **({"labels": dict(inputs.labels)} if inputs.labels else {}),
            **({"api_key_access": True} if inputs.api_key_access else {}),
            **({"gcs_storage": inputs.gcs_storage} if inputs.gcs_storage else {}),
            **({"auth_mode": inputs.auth_mode} if inputs.auth_mode else {}),
        }
    )


def launcher_sizes(cluster: DesiredCluster, edition: str, base: int) -> dict[str, int]:
    """Bytes of the cluster's launchers of this edition, by path; empty where `base` is not known.

    A launcher is its settings, spread over lines, and a program of `base` bytes.
    """
    if not base:
        return {}
    spread = {
        launcher_path(group, edition): json.dumps(
            json.loads(launcher_settings(group, edition)), sort_keys=True, indent=2
        )
        for group in cluster.groups
    }
    return {path: base + len(text) for path, text in spread.items()}


def description(mark: Mark) -> str:
    """The mark in a sentence for people."""
    return (
        f"Ray cluster {mark.cluster}, member {mark.member}. Managed by raycml for {mark.owner} "
        f"from a spec ({mark.fingerprint}); changes made here are undone."
    )


def mark_of(
    group: Group,
    member: Member,
    owner: str,
    subdomain: str,
    record: Record = NOTHING,
    auth_mode: str = "",
) -> Mark:
    """The mark of the member's application while it is in sync with the spec."""
    return Mark(
        owner=owner,
        cluster=group.cluster,
        member=member,
        fingerprint=group.fingerprint,
        subdomain=subdomain,
        agreement=group.agreement,
        variables=tuple(sorted(group.inputs.environment)),
        environment_hash=group.environment_hash,
        resolved=record_text(record),
        auth_mode=auth_mode,
    )


def configuration(
    group: Group,
    member: Member,
    policy: Policy,
    record: Record = NOTHING,
    auth_mode: str = "",
) -> Configuration:
    """Desired configuration of a member's application, mark included.

    `record`: ids of the names in the spec, as far as they are known; the others are `unresolved`.
    `auth_mode`: that of its cluster (see `situation/authentication`).
    """
    name = application_name(group.cluster, member)
    inputs = group.inputs
    names = inputs.names()
    record = kept(record, names)
    mark = mark_of(group, member, policy.owner, name, record, auth_mode)
    return Configuration(
        name=name,
        subdomain=name,
        description=description(mark),
        script=launcher_path(group, policy.edition),
        cpu=inputs.cpu,
        memory=inputs.memory,
        gpu=inputs.gpu,
        runtime=record.get(RUNTIME, ("", inputs.runtime))[1],
        environment={**inputs.environment, **mark.environment()},
        unresolved=frozenset(names.keys() - record.keys()),
        **asdict(placement_ids(record)),
    )
