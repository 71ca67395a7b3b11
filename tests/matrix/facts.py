"""Facts about an install of Ray, read by its own interpreter as JSON on standard output.

    facts.py ADDRESS DASHBOARD_PORT     of a running head

Python 3.9 and later; nothing but Ray and the standard library.
"""

import contextlib
import http.client
import inspect
import json
import os
import platform
import sys

import ray
import ray._private.parameter
import ray._private.utils
import ray._raylet
from ray._private import ray_constants
from ray.scripts import scripts


def status(port, path, headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    with contextlib.closing(connection):
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status


def holds(program, word):
    path = os.path.join(os.path.dirname(ray.__file__), "core", "src", "ray", "gcs", program)
    with open(path, "rb") as file:
        return word in file.read()


def main(address, port):
    named = {"User-Agent": "raycml"}
    table = ray._raylet.GcsClient(address=address).get_all_node_info(timeout=10)
    facts = {
        "ray": ray.__version__,
        "python": platform.python_version(),
        "options": sorted(name for one in scripts.start.params for name in one.opts),
        "label_pairs": hasattr(scripts, "parse_node_labels_string"),
        "drains_at_term": hasattr(ray_constants, "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"),
        "match_level": "RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL"
        in inspect.getsource(ray._private.utils),
        "tokens": holds("gcs_server", b"RAY_AUTH_MODE"),
        "rocksdb": holds("gcs_server", b"rocksdb"),
        "rows": type(next(iter(table.values()))).__name__,
        "without_user_agent": status(int(port), "/api/gcs_healthz", {}),
        "gcs_healthz": status(int(port), "/api/gcs_healthz", named),
        "healthz": status(int(port), "/api/healthz", named),
        "batching_node_provider": os.path.exists(
            os.path.join(os.path.dirname(ray.__file__), "autoscaler", "batching_node_provider.py")
        ),
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main(*sys.argv[1:])
