"""Networks of pods: an application's port, the proxy before it, and the mesh.

Without a mesh, pods share the network of this machine, each with an address of its own.
"""

import contextlib
import shutil
import socket
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from controller.emulator.network import mesh
from controller.emulator.network.relay import Relay, listen_at_path, to_port

Mesh = Literal["off", "permissive", "strict", "silent"]
APP_PORT = 8100
"""Port of an application in a pod with a network of its own, as in CML."""


@dataclass(slots=True)
class PodNetwork:
    """The network of one pod.

    `port` is the application's in the pod, on its 127.0.0.1; `outside` leads there from this
    machine's 127.0.0.1.  Both are 0 for a pod without an application's port.
    """

    port: int
    outside: int
    order: mesh.Order | None = None
    proxy: Relay | None = None

    def command(self, program: Sequence[str]) -> list[str]:
        """The command line that runs the program in this network."""
        return list(program) if self.order is None else mesh.command(self.order, program)

    @property
    def variables(self) -> dict[str, str]:
        """Variables that the command needs."""
        return {} if self.order is None else mesh.variables()

    def close(self) -> None:
        if self.proxy is not None:
            self.proxy.close()


class Networks:
    """The networks of the pods of one emulator."""

    def __init__(self, mode: Mesh, scratch: Path, api: int) -> None:
        """`api` is the emulator's port on 127.0.0.1, which pods behind a mesh reach there too.

        OSError with the reason if Linux refuses the networks of a mesh.
        """
        self._mode = mode
        self._api = api
        self._pods: list[PodNetwork] = []
        self._folder: Path | None = None
        self._relay: Relay | None = None
        if mode != "off":
            self._folder = Path(tempfile.mkdtemp(prefix="mesh-", dir=scratch))
            try:
                mesh.check(mode, self._folder)
            except OSError:
                self.close()
                raise
            self._relay = Relay(listen_at_path(str(self._folder / "api.sock")), to_port(api))

    def none(self) -> PodNetwork:
        """The network of this machine, for a pod without an application."""
        return PodNetwork(0, 0)

    def new(self, address: str) -> PodNetwork:
        """The network of a pod with this address.  OSError if it cannot be had."""
        outside = self._free_port()
        if self._folder is None:
            network = PodNetwork(outside, outside, proxy=_proxy(address, outside))
        else:
            order = mesh.Order(
                mode=self._mode,
                folder=str(self._folder),
                address=address,
                port=APP_PORT,
                outside=outside,
                api=self._api,
            )
            network = PodNetwork(APP_PORT, outside, order)
        self._pods.append(network)
        return network

    def _free_port(self) -> int:
        """A port of 127.0.0.1 that is free and not assigned to a pod."""
        with contextlib.ExitStack() as stack:
            while True:
                link = stack.enter_context(socket.socket())
                link.bind(("127.0.0.1", 0))
                port = int(link.getsockname()[1])
                if port not in {pod.outside for pod in self._pods}:
                    return port

    def forget(self, network: PodNetwork) -> None:
        network.close()
        with contextlib.suppress(ValueError):
            self._pods.remove(network)

    def close(self) -> None:
        for network in list(self._pods):
            self.forget(network)
        if self._relay is not None:
            self._relay.close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _proxy(address: str, port: int) -> Relay:
    """CML's proxy, which holds the port on the pod's address: the application has loopback."""
    return Relay(socket.create_server((address, port)), to_port(port))
