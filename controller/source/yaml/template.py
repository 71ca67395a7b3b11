"""The spec that `raycml init` writes: small enough to run anywhere, and its own manual.

Its first line points editors to the schema, which `raycml init` writes beside it under
`schema.FILE_NAME`.
"""

import json

from controller.core.spec.fields import EXAMPLE_RUNTIME
from controller.core.spec.names import check_cluster_name
from controller.source.yaml.scalars import resolve
from controller.source.yaml.schema import FILE_NAME

_TEXT = """\
# yaml-language-server: $schema=./{schema}
#
# One Ray cluster.  `raycml validate` checks this file, `raycml plan` shows what it would change,
# `raycml reconcile` makes it so.
apiVersion: raycml/v1
kind: RayCluster
metadata:
  name: {name}                # lower-case letters, digits, single hyphens; at most 30 characters
spec:
  # project: fraud-models     # id or exact name; without it, the project of the connection
  rayVersion: {ray}           # what the interpreter below has; write it in quotes
  runtimeIdentifier: {runtime}    # or another one of `raycml doctor --runtimes`
  # runtime: {{kernel: "Python 3.11", edition: Standard}}    # instead: the newest that fits
  python: .venv/bin/python    # the interpreter that has Ray; relative to the project's home
  # pythonEnvironment:        # instead of `python`: raycml builds an environment in the project
  #   python: "3.11"          # which the runtime must have
  #   packages: ["ray[default]"]
  #   requirements: requirements.txt    # beside this file
  #   builder: auto           # or job, or application (where CML skips jobs of the API)
  # environment:              # for every member; not for secrets; values are text, so quote numbers
  #   OMP_NUM_THREADS: "2"
  # sharedMemory: keep        # or a size such as 16Gi; default: raise the project's limit as needed
  # suspend: true             # stop every member and keep it
  # paused: true              # only watch this cluster
  # protect: true             # never delete or replace a member, never restart the head
  upgradeStrategy:
    type: RollingUpdate       # or Recreate (all at once), or None (leave outdated members alone)
    maxUnavailable: 1         # per worker group: a number, or a percentage such as 25%
  headGroupSpec:
    resources: {{cpu: 1, memory: 2Gi}}
    rayStartParams: {{num-cpus: "0"}}   # keeps tasks off the head
  workerGroupSpecs:
    - groupName: worker       # lower-case letters, digits, single hyphens; at most 20 characters
      replicas: 2
      # minReplicas: 0        # bounds that `replicas` must keep
      # maxReplicas: 8
      resources: {{cpu: 1, memory: 2Gi, gpu: 0}}    # with GPUs: accelerator: NVIDIA-L40S
"""


def starter(
    name: str, *, runtime_identifier: str = EXAMPLE_RUNTIME, ray_version: str = "2.60.0"
) -> str:
    """A valid, commented spec.  Raises ValueError for a name that no cluster may have."""
    check_cluster_name(name)
    return _TEXT.format(
        schema=FILE_NAME,
        # A name such as `2024` or `on` is not text without quotes.
        name=_text(name),
        ray=json.dumps(ray_version),
        runtime=_text(runtime_identifier),
    )


def _text(value: str) -> str:
    return value if isinstance(resolve(value), str) else json.dumps(value)
