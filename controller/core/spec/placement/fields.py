"""Fields that choose nodes: accelerator, node selector, resource group and profile, add-ons.

A workspace has names for them, and its API has ids; the names are resolved while planning.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

MAX_NAME = 200
MAX_ADDONS = 20
SELECTOR_VARIABLES = ("NODE_SELECTOR_KEY", "NODE_SELECTOR_VALUE")
PROFILE_PATTERN = r"^([0-9]{1,6}(\.[0-9]{1,3})?x[0-9]{1,6}(\.[0-9]{1,3})?|[1-9][0-9]{0,9})$"
_SIZES = r"[0-9]{1,6}(?:\.[0-9]{1,3})?"
_PROFILE = re.compile(rf"({_SIZES})x({_SIZES})|[1-9][0-9]{{0,9}}")
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_DOMAIN = r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?"
KEY_PATTERN = rf"^({_DOMAIN}/)?{_LABEL}$"
VALUE_PATTERN = rf"^{_LABEL}$"


def check_name(name: str) -> str:
    """A name that the workspace shows, or an id; printable, without spaces around it or commas."""
    plain = name.isprintable() and name == name.strip() and "," not in name
    if not name or not plain or len(name) > MAX_NAME:
        raise ValueError(
            f"must be a name of up to {MAX_NAME} characters, without commas or spaces around it; "
            "copy it from the workspace, or from `raycml doctor`"
        )
    return name


def check_profile(text: str) -> str:
    if _PROFILE.fullmatch(text) is None:
        raise ValueError("must be cores x GiB such as 4x16, or the id of a profile")
    return text


def check_selector(labels: Mapping[str, str]) -> Mapping[str, str]:
    """At most one label: CML takes a single pair, in NODE_SELECTOR_KEY and NODE_SELECTOR_VALUE."""
    if len(labels) > 1:
        raise ValueError(
            "CML takes one label of a node, in NODE_SELECTOR_KEY and NODE_SELECTOR_VALUE; "
            f"keep one of {', '.join(key[:60] for key in sorted(labels)[:5])}"
        )
    for key, value in labels.items():
        if not re.fullmatch(KEY_PATTERN, key) or not re.fullmatch(VALUE_PATTERN, value):
            raise ValueError(
                f"`{key[:60]}: {value[:60]}` is not a label of a node; "
                "write it as Kubernetes shows it, such as `nvidia.com/gpu.product: NVIDIA-L40S`"
            )
    return labels


def check_addons(names: Sequence[str]) -> Sequence[str]:
    for name in names:
        check_name(name)
        if names.count(name) > 1:
            raise ValueError(f"names `{name[:60]}` twice; remove one of them")
    return names


def _name() -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "minLength": 1, "maxLength": MAX_NAME})


PlaceName = Annotated[str, AfterValidator(check_name), _name()]
Profile = Annotated[
    str,
    AfterValidator(check_profile),
    WithJsonSchema({"type": "string", "pattern": PROFILE_PATTERN}),
]
NodeSelector = Annotated[
    Mapping[str, str],
    AfterValidator(check_selector),
    WithJsonSchema(
        {
            "type": "object",
            "propertyNames": {"pattern": KEY_PATTERN},
            "additionalProperties": {"type": "string", "pattern": VALUE_PATTERN},
            "maxProperties": 1,
            "default": {},
        }
    ),
]
Addons = Annotated[
    tuple[str, ...],
    BeforeValidator(lambda names: tuple(names) if isinstance(names, list) else names),
    Field(max_length=MAX_ADDONS),
    AfterValidator(check_addons),
]


def profile_fault(profile: str, cpu: float, memory: float) -> str:
    """A message where a profile names other sizes than the resources; empty otherwise."""
    match = _PROFILE.fullmatch(profile)
    if match is None or match[1] is None:
        return ""
    if abs(float(match[1]) - cpu) < 1e-6 and abs(float(match[2]) - memory) < 1e-6:
        return ""
    return (
        f"{profile} is a profile of other sizes than `resources`, whose cpu and memory make "
        f"{sizes(cpu, memory)}; make the two agree"
    )


def sizes(cpu: float, memory: float) -> str:
    """Cores and GiB as a profile names them."""
    return f"{cpu:g}x{memory:g}"


def selector_faults(variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(name, message) for variables that say what `nodeSelector` says."""
    for name in SELECTOR_VARIABLES:
        if name in variables:
            yield name, f"`{name}` is what `nodeSelector` sets; remove one of them"
