"""What Ray itself says of a command line: the checks that `ray start` makes before it starts.

Ray's own functions do it, with nothing started.
"""

import io
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout

DROPPED = {"no_redirect_output", "disable_usage_stats", "labels_file", "address", "head", "block"}
RENAMED = {"dashboard_agent_grpc_port": "metrics_agent_port", "port": "gcs_server_port"}
CLICK = {"log_style", "log_color", "verbose", "redis_shard_ports"}
CGROUPS = {"enable_resource_isolation", "system_reserved_cpu", "system_reserved_memory"}
CLIENT_PORT = 10001


@contextmanager
def variables(environ: Mapping[str, str]) -> Iterator[None]:
    """The environment with these in it, as a member has it."""
    before = dict(os.environ)
    os.environ.update(environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def refusal(arguments: list[str], environ: Mapping[str, str], *, head: bool) -> str:
    """The reason why `ray start` refuses these arguments; empty where it goes on to start."""
    said = io.StringIO()
    with variables(environ), redirect_stdout(said), redirect_stderr(said):
        try:
            _check(arguments, head=head)
        except (Exception, SystemExit) as error:  # noqa: BLE001  whatever Ray says
            return f"{type(error).__name__}: {error} {said.getvalue()}"[:500]
    return ""


def _check(arguments: list[str], *, head: bool) -> None:
    """The part of `ray.scripts.scripts.start` up to its first process, in its order."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ray._private.label_utils import parse_node_labels_string
        from ray._private.parameter import RayParams
        from ray._private.resource_and_label_spec import ResourceAndLabelSpec
        from ray._private.utils import parse_resources_json
        from ray.autoscaler._private.cli_logger import cf, cli_logger
        from ray.scripts.scripts import start
    given = dict(start.make_context("ray start", list(arguments)).params)
    assert given.pop("head") is head
    given["resources"] = parse_resources_json(given["resources"], cli_logger, cf)
    given["labels"] = parse_node_labels_string(given["labels"])
    if given["ray_client_server_port"] is None:
        given["ray_client_server_port"] = CLIENT_PORT
    if not head:
        assert given["port"] is given["include_dashboard"] is None
    given["system_config"] = given.pop("system_config") or None
    dropped = DROPPED | CLICK | CGROUPS | {"cgroup_path", "system_config"}
    made = RayParams(
        **{RENAMED.get(key, key): value for key, value in given.items() if key not in dropped}
    )
    made.update_pre_selected_port()
    spec = ResourceAndLabelSpec(
        made.num_cpus,
        made.num_gpus,
        made.memory,
        made.object_store_memory,
        made.resources,
        made.labels,
    )
    resolved = spec.resolve(is_head=head, node_ip_address=made.node_ip_address)
    amounts = resolved.to_resource_dict()
    for name in amounts:  # the raylet reads them from one line, with commas between
        assert name, "a resource without a name"
        assert "," not in name, f"a comma in the name of the resource {name}"
    for key, value in (given["labels"] or {}).items():
        assert resolved.labels[key] == value, f"the label {key} became {resolved.labels[key]}"
    assert resolved.num_cpus == given["num_cpus"], "another number of cores"
