"""Defaults for members with GPUs: the interface of collectives, and the place of CUDA.

The values were seen to work on live workspaces, where NCCL otherwise chose an interface that leads
nowhere.  Each is a default: what the pod or the spec sets is kept.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

INTERFACE = "eth0"
ROOT = Path("/")


def defaults(environ: Mapping[str, str], root: Path | None = None) -> dict[str, str]:
    """Variables to add to `environ`, for a pod whose file system begins at `root`, else at `/`.

    NCCL and Gloo fail with an interface that the pod does not have, so they get none then.
    """
    root = root or ROOT
    wanted: dict[str, str] = {}
    if (root / "sys" / "class" / "net" / INTERFACE).exists():
        wanted = {
            "NCCL_SOCKET_IFNAME": INTERFACE,
            "GLOO_SOCKET_IFNAME": INTERFACE,
            "NCCL_IB_DISABLE": "1",  # devices of the host that a pod sees and cannot use
        }
    cuda = root / "usr" / "local" / "cuda"
    if cuda.is_dir():
        wanted["CUDA_HOME"] = str(cuda)
    own = {name: value for name, value in wanted.items() if name not in environ}
    return {**own, **_paths(environ, cuda)}


def _paths(environ: Mapping[str, str], cuda: Path) -> dict[str, str]:
    """PATH and LD_LIBRARY_PATH with CUDA's folders first, unless they have them."""
    paths = {}
    for variable, folder in (("PATH", cuda / "bin"), ("LD_LIBRARY_PATH", cuda / "lib64")):
        parts = [part for part in environ.get(variable, "").split(os.pathsep) if part]
        if folder.is_dir() and str(folder) not in parts:
            paths[variable] = os.pathsep.join([str(folder), *parts])
    return paths
