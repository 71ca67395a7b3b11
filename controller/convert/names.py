"""Names that raycml accepts for names that Kubernetes and KubeRay allow.

Different names stay different: a mapped name that another one has, or could have, ends in a hash.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping

from controller.core.spec.names import HEAD, is_name


def accepted_names(names: Iterable[str], most: int) -> Mapping[str, str]:
    """Each name with an accepted one of at most so many characters; no two get the same.

    An accepted name stays as it is.  `head` counts as not accepted.
    """
    distinct = list(dict.fromkeys(names))
    kept = {name for name in distinct if _is_accepted(name, most)}
    slugs = {name: _slug(name) for name in distinct if name not in kept}
    times = Counter(slugs.values())
    mapped = {name: name for name in kept}
    taken = set(kept)
    for name, slug in sorted(slugs.items()):
        is_free = times[slug] == 1 and slug not in taken and _is_accepted(slug, most)
        mapped[name] = slug if is_free else _hashed(name, slug, most, taken)
        taken.add(mapped[name])
    return mapped


def _is_accepted(name: str, most: int) -> bool:
    return name != HEAD and is_name(name, most)


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _hashed(name: str, slug: str, most: int, taken: set[str]) -> str:
    """The start of the slug with as many digits of a hash as make it free."""
    digest = hashlib.sha256(name.encode()).hexdigest()
    for digits in range(4, most):
        start = slug[: most - digits - 1].strip("-")
        hashed = f"{start}-{digest[:digits]}" if start else digest[:digits]
        if hashed not in taken:
            return hashed
    raise ValueError(f"no free name for `{name[:60]}`; rename it in the manifest")
