"""Variables of a container: literal values are copied, secrets never."""

import re

from controller.convert.field import ManifestField
from controller.convert.notes import Notes
from controller.core.spec import variables

_SECRET_NAME = re.compile(
    r"(^|_)(PASSWORD|PASSWD|PASSPHRASE|PWD|SECRET|SECRETS|TOKEN|CREDENTIALS?|API_?KEY|ACCESS_?KEY"
    r"|PRIVATE_?KEY|KEY)(_|$|[0-9])",
    re.IGNORECASE,
)
_NOT_SECRET = re.compile(r"(^PWD$|_FILE$|_PATH$)", re.IGNORECASE)
_LOGIN = re.compile(r"//[^\s/@:]*:[^\s/@]+@")
_EXPANSION = re.compile(r"\$\([A-Za-z_][A-Za-z0-9_.-]*\)")
_SOURCES = {
    "secretKeyRef": "Secret",
    "configMapKeyRef": "ConfigMap",
    "fieldRef": "field",
    "resourceFieldRef": "resource",
}
_PROJECT = "set it as a variable of the CML project, which its applications inherit"


def literal_variables(listed: ManifestField | None, notes: Notes) -> dict[str, str]:
    """The variables with a literal value that a spec may set; a note for each other one.

    Of two with one name the later counts, as in Kubernetes.
    """
    found: dict[str, str] = {}
    for each in () if listed is None else listed.items():
        name, value, source = each.get("name"), each.get("value"), each.get("valueFrom")
        if name is None:
            notes.dropped(each, "a variable without a name")
            continue
        key, text = name.text, "" if value is None else value.text
        found.pop(key, None)
        message = _from_elsewhere(source) if source is not None else _refusal(key, text)
        if message:
            notes.dropped(each, f"{key[:100]}: {message}")
        else:
            found[key] = text
    return found


def _from_elsewhere(source: ManifestField) -> str:
    """The name of the object, and what to do; never a value."""
    kind = next(iter(source.fields()), "")
    if kind in ("fieldRef", "resourceFieldRef"):
        return "it is a field of the pod; use the variables that the platform sets"
    place = [source.get(kind, part) for part in ("name", "key")]
    name, key = ("" if part is None else part.text[:100] for part in place)
    what = f"{_SOURCES.get(kind, kind or 'source')} {name}".strip() + (
        f", key {key}" if key else ""
    )
    remedy = _PROJECT if kind == "secretKeyRef" else "write its value into `environment`"
    return f"its value is in {what}; {remedy}"


def _refusal(name: str, value: str) -> str:
    """The reason for not copying a literal variable; empty where it is copied."""
    try:
        variables.check_variable_name(name)
        variables.check_variable_value(value)
    except ValueError as error:
        return str(error).removesuffix("; remove it")
    if is_secret(name, value):
        return f"it looks like a secret, and a spec is no place for one; {_PROJECT}"
    if _EXPANSION.search(value):
        return "Kubernetes fills in `$(NAME)`; write the whole value into `environment`"
    return next((message for _, message in variables.variable_faults({name: value})), "")


def is_secret(name: str, value: str) -> bool:
    """True for a name that says so, and for an address with a password in it."""
    by_name = _SECRET_NAME.search(name) is not None and _NOT_SECRET.search(name) is None
    return bool(value) and (by_name or _LOGIN.search(value) is not None)
