"""The installer that the builder fetches: one version with one content, from any index."""

import contextlib
import re
from pathlib import Path

from controller.node.builder.installing import UV, install, uv_requirement
from controller.node.builder.order import read_order
from controller.node.builder.programs import BuildError, Programs
from controller.node.clock import Clock
from controller.node.log import Log


def test_uv_is_named_by_version_and_content() -> None:
    name, *hashes = uv_requirement().split()
    assert name == f"uv=={UV}"
    assert re.fullmatch(r"[0-9]+\.[0-9]+\.[0-9]+", UV)
    assert len(set(hashes)) >= 2
    assert all(re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", each) for each in hashes)


def test_pip_is_asked_for_that_uv_alone(tmp_path: Path) -> None:
    """A stand-in of python writes down what it is asked for, and cannot do it."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/asked\nexit 1\n')
    python.chmod(0o755)
    order = read_order(
        {"hash": "0" * 16, "python": "3.11", "ray_version": "2.60.0", "packages": ["ray"]}
    )
    programs = Programs(tmp_path, Log(tmp_path / "log", Clock()), Clock(), 60.0)
    with contextlib.suppress(BuildError):
        install(order, python, programs)
    uv, packages = (tmp_path / "asked").read_text().splitlines()
    assert "--require-hashes" in uv.split()
    assert uv.split()[-2:] == ["-r", str(tmp_path / "uv.txt")]
    assert (tmp_path / "uv.txt").read_text() == uv_requirement()
    assert "requirements.txt" in packages
