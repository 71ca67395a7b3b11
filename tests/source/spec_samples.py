"""A valid spec as text, and ways to spoil it."""

VALID = """\
apiVersion: raycml/v1
kind: RayCluster
metadata:
  name: analytics
spec:
  rayVersion: "2.60.0"
  runtimeIdentifier: registry.example.com/ml/runtime:1
  python: .venv/bin/python
  environment: {OMP_NUM_THREADS: "2"}
  suspend: false
  upgradeStrategy:
    type: RollingUpdate
    maxUnavailable: 25%
  headGroupSpec:
    resources: {cpu: 1, memory: 2Gi}
    rayStartParams: {num-cpus: "0"}
  workerGroupSpecs:
    - groupName: worker
      replicas: 2
      maxReplicas: 4
      resources: {cpu: 500m, memory: 1.5, gpu: 0}
"""


def spoilt(old: str, new: str) -> bytes:
    """The valid spec with one passage replaced; the passage must be there exactly once."""
    assert VALID.count(old) == 1, old
    return VALID.replace(old, new).encode()


def named(name: str) -> str:
    return VALID.replace("analytics", name)
