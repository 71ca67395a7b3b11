"""Installation of packages by uv if available, else by pip.

uv does not read pip's configuration, in which a workspace defines its package index, so it gets
the same settings as variables.  If uv fails for any reason, pip installs the packages.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from pathlib import Path

from controller.node.builder.order import Order
from controller.node.builder.programs import BuildError, Programs

# A fixed version with fixed hashes, from the index that pip uses.  Without it on that index, pip
# installs the packages.
UV = "0.9.7"
_UV_HASHES = (
    "8cf6bc2482d1293cc630f66b862b494c09acda9b7faff7307ef52667a2b3ad49",  # manylinux, x86_64
    "635e82c2d0d8b001618af82e4f2724350f15814f6462a71b3ebd44adec21f03c",  # manylinux, aarch64
    "777bb1de174319245a35e4f805d3b4484d006ebedae71d3546f95e7c28a5f436",  # musllinux, x86_64
)
_FOR_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "cert": "SSL_CERT_FILE",
    "trusted-host": "UV_INSECURE_HOST",
    "constraint": "UV_CONSTRAINT",
}
# pip treats all indexes as equal; an environment in the project shares no files with a cache.
_LIKE_PIP = {
    "UV_INDEX_STRATEGY": "unsafe-best-match",
    "UV_LINK_MODE": "copy",
    "UV_NO_CONFIG": "1",
}
_ORDER = ("global", "site", "user", "install", ":env:")  # the last one wins
_NO = ("", "0", "false", "no", "off")


def install(order: Order, python: Path, programs: Programs) -> str:
    """Install all packages; the result is the installer's name.  BuildError if pip fails too."""
    if not order.lines:
        return "none"
    arguments = _files(order, programs.folder)
    uv = _fetch_uv(python, programs)
    if uv is not None and _by_uv(uv, python, arguments, programs):
        return "uv"
    command = [str(python), "-m", "pip", "install", *arguments]
    if programs.run(command) != 0:
        raise BuildError("the packages cannot be installed")
    return "pip"


def _files(order: Order, folder: Path) -> list[str]:
    """The options with the requirements.

    The spec's Ray version is a constraint, so that `ray[default]` alone installs it.  With hashes
    there is no constraint, since it would need a hash too.
    """
    requirements = folder / "requirements.txt"
    requirements.write_text("".join(f"{line}\n" for line in order.lines), encoding="utf-8")
    if not order.ray_version or order.is_hashed:
        return ["-r", str(requirements)]
    constraints = folder / "constraints.txt"
    constraints.write_text(f"ray=={order.ray_version}\n", encoding="utf-8")
    return ["-r", str(requirements), "-c", str(constraints)]


def _fetch_uv(python: Path, programs: Programs) -> Path | None:
    """Install uv beside the environment, since it is not among the packages."""
    tools = programs.folder / "tools"
    programs.log.write(f"fetching uv {UV}")
    requirements = programs.folder / "uv.txt"
    requirements.write_text(uv_requirement(), encoding="utf-8")
    command = [str(python), "-m", "pip", "install", "-q", "--retries", "1", "--require-hashes"]
    if programs.run([*command, "--target", str(tools), "-r", str(requirements)]) != 0:
        programs.log.write("uv is not available; using pip")
        return None
    uv = tools / "bin" / "uv"
    return uv if uv.is_file() else None


def uv_requirement() -> str:
    """The requirement of exactly this uv."""
    return " ".join([f"uv=={UV}", *(f"--hash=sha256:{digest}" for digest in _UV_HASHES)]) + "\n"


def _by_uv(uv: Path, python: Path, arguments: list[str], programs: Programs) -> bool:
    listed = programs.output([str(python), "-m", "pip", "config", "list"])
    variables = {**uv_variables(listed), **_LIKE_PIP}
    command = [str(uv), "pip", "install", "--python", str(python), "--no-progress"]
    if programs.run([*command, "--compile-bytecode", *arguments], variables) == 0:
        return True
    programs.log.write("uv did not install the packages; retrying with pip")
    return False


def uv_variables(listed: str) -> dict[str, str]:
    """The settings in `pip config list`, as uv's variables."""
    variables: dict[str, str] = {}
    lines = [line.partition("=") for line in listed.splitlines()]
    for section in _ORDER:
        for key, _, value in lines:
            part, _, option = key.partition(".")
            if part == section and option in _FOR_UV:
                variables.update(_variable(_FOR_UV[option], _text(value)))
    return variables


def _text(value: str) -> str:
    try:
        return str(ast.literal_eval(value)).strip()
    except (SyntaxError, ValueError):
        return value.strip()


def _variable(name: str, value: str) -> Mapping[str, str]:
    if name == "UV_NO_INDEX":
        return {} if value.lower() in _NO else {name: "1"}
    separator = "," if name == "UV_FIND_LINKS" else " "
    return {name: separator.join(value.split())} if value else {}
