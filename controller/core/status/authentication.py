"""Clusters whose Ray asks for no token, with the reason and the remedy."""

from dataclasses import dataclass

from controller.core.model.ray.report import HeadReport
from controller.core.spec.ray.auth import TOKEN
from controller.core.spec.ray.versions import TOKENS, has_tokens
from controller.core.status.status import Condition

TYPE = "AuthenticationDisabled"
_EFFECT = "every program that reaches its nodes can run code on it"


@dataclass(frozen=True, slots=True)
class NoToken:
    """The reason in CamelCase, the explanation, and the remedy."""

    reason: str
    message: str
    fix: str


def no_token(report: HeadReport | None, spec_mode: str | None) -> NoToken | None:
    """None while the running head asks for a token, and without a valid report of one.

    `spec_mode` is the mode that the spec names: empty for none, None without a spec.
    """
    if report is None or report.auth_mode == TOKEN:
        return None
    try:
        old = not has_tokens(report.ray_version)
    except ValueError:
        old = False
    if old:
        first = ".".join(map(str, TOKENS))
        message = f"{_EFFECT}: Ray {report.ray_version} has no token authentication"
        return NoToken("RayHasNoTokens", message, f"set rayVersion to {first} or newer")
    fix = "set `authOptions: {mode: token}` in its spec, which recreates the cluster"
    if spec_mode == "disabled":
        return NoToken("DisabledBySpec", f"{_EFFECT}: its spec has `mode: disabled`", fix)
    message = f"{_EFFECT}: it was created without a token"
    return NoToken("CreatedWithoutToken", message, fix)


def condition(report: HeadReport | None, spec_mode: str | None) -> tuple[Condition, ...]:
    """The condition of a cluster without a token; empty for any other."""
    open_to_all = no_token(report, spec_mode)
    if open_to_all is None:
        return ()
    message = f"{open_to_all.message}; {open_to_all.fix}"
    return (Condition(TYPE, "True", open_to_all.reason, message),)
