"""Manifests of KubeRay, written for these tests, in the shapes that people use."""

import yaml

MINIMAL = """\
apiVersion: ray.io/v1
kind: RayCluster
metadata:
  name: small
spec:
  rayVersion: "2.55.0"
  headGroupSpec:
    rayStartParams: {}
    template:
      spec:
        containers:
          - name: ray-head
            image: rayproject/ray:2.55.0
            resources: {limits: {cpu: 2, memory: 8Gi}}
"""

HETEROGENEOUS = """\
# Two kinds of workers, as a team had them.
apiVersion: ray.io/v1
kind: RayCluster
metadata:
  name: fraud_Models.v2
  namespace: ml
  labels: {team: fraud}
  annotations: {ray.io/ft-enabled: "true"}
spec:
  rayVersion: '2.55.0'
  enableInTreeAutoscaling: true
  autoscalerOptions: {version: v2, idleTimeoutSeconds: 90, upscalingMode: Default}
  authOptions: {mode: token, secretName: ray-token}
  tlsOptions: {enabled: true}
  upgradeStrategy: {type: Recreate}
  managedBy: ray.io/kuberay-operator
  gcsFaultToleranceOptions:
    redisAddress: redis:6379
    redisPassword: {valueFrom: {secretKeyRef: {name: redis, key: password}}}
  headGroupSpec:
    serviceType: LoadBalancer
    enableIngress: true
    rayStartParams:
      dashboard-host: '0.0.0.0'
      num-cpus: "0"
      block: 'true'
      object-store-memory: "200000000"
    template:
      metadata: {labels: {app: ray}}
      spec:
        serviceAccountName: ray
        priorityClassName: high
        containers:
          - name: ray-head
            image: registry.example.com/ml/ray:2.55.0-py312-cu123
            imagePullPolicy: Always
            command: ["/bin/bash", "-c", "--"]
            args: ["pip install boto3"]
            ports: [{containerPort: 6379, name: gcs}]
            resources:
              limits: {cpu: "3", memory: 10G}
              requests: {cpu: "2", memory: 10G}
            env:
              - {name: OMP_NUM_THREADS, value: "2"}
              - {name: MODE, value: "on"}
              - {name: EMPTY}
              - name: HF_TOKEN
                valueFrom: {secretKeyRef: {name: hugging-face, key: token}}
              - {name: AWS_SECRET_ACCESS_KEY, value: literal-secret-1}
              - {name: DB_URL, value: "postgres://app:literal-secret-2@db/x"}
              - name: POD_IP
                valueFrom: {fieldRef: {fieldPath: status.podIP}}
              - {name: RAY_ADDRESS, value: "auto"}
              - {name: WITH_OTHER, value: "$(MODE)-x"}
            envFrom: [{secretRef: {name: everything}}]
            volumeMounts:
              - {mountPath: /tmp/ray, name: logs}
              - {mountPath: /code, name: code}
              - {mountPath: /dev/shm, name: shm}
            livenessProbe: {exec: {command: ["true"]}}
            lifecycle: {preStop: {exec: {command: ["ray", "stop"]}}}
          - name: fluentbit
            image: fluent/fluent-bit:3.2
        initContainers:
          - {name: download, image: busybox}
        volumes:
          - {name: logs, emptyDir: {}}
          - {name: code, configMap: {name: code, defaultMode: 0777}}
          - {name: shm, emptyDir: {medium: Memory}}
  workerGroupSpecs:
    - groupName: cpu
      replicas: 2
      minReplicas: 1
      maxReplicas: 5
      rayStartParams:
        resources: '"{\\"Custom1\\": 1, \\"TPU\\": 4}"'
      scaleStrategy: {workersToDelete: [cpu-xyz]}
      idleTimeoutSeconds: 30
      template:
        spec:
          nodeSelector: {pool: general}
          containers:
            - name: ray-worker
              image: registry.example.com/ml/ray:2.55.0-py312-cu123
              resources: {requests: {cpu: 500m, memory: 512Mi}}
    - groupName: accelerator_group_with_a_long_name
      replicas: 0
      minReplicas: 0
      maxReplicas: 2147483647
      numOfHosts: 2
      labels: {ray.io/accelerator-type: L40S, tier: spot}
      resources: {CPU: "7", Custom2: "3"}
      rayStartParams: {num-gpus: "1"}
      template:
        spec:
          tolerations: [{key: nvidia.com/gpu, operator: Exists}]
          affinity: {nodeAffinity: {}, podAffinity: {x: 1}}
          containers:
            - name: ray-worker
              image: registry.example.com/ml/ray:2.55.0-py312-cu123
              resources:
                limits: {cpu: "8", memory: 64Gi, nvidia.com/gpu: 1, ephemeral-storage: 20Gi}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: code}
data: {main.py: "print('hello')"}
---
apiVersion: v1
kind: Secret
metadata: {name: hugging-face}
stringData: {token: literal-secret-3}
"""

JOB = """\
apiVersion: ray.io/v1
kind: RayJob
metadata: {name: nightly-train}
spec:
  entrypoint: python train.py --password literal-secret-4
  runtimeEnvYAML: |
    pip: [requests]
  shutdownAfterJobFinishes: true
  rayClusterSpec:
    headGroupSpec:
      template:
        spec:
          containers:
            - name: h
              image: rayproject/ray:2.54.1-py310
              resources: {limits: {cpu: "1", memory: 5Gi}}
"""

SERVICE = """\
apiVersion: ray.io/v1alpha1
kind: RayService
metadata: {name: fruit-stand}
spec:
  serveConfigV2: |
    applications: []
  rayClusterConfig:
    rayVersion: 2.55.0
    headGroupSpec:
      rayStartParams: {}
      template:
        spec:
          containers:
            - name: h
              image: rayproject/ray:2.55.0
              resources: {limits: {cpu: "1", memory: 5Gi}}
"""


def listed(*texts: str) -> str:
    """One `List`, as `kubectl get raycluster -o yaml` prints it, status included."""
    items = []
    for number, text in enumerate(texts):
        item = yaml.safe_load(text)
        item["metadata"] |= {"uid": f"u-{number}", "creationTimestamp": "2026-01-02T03:04:05Z"}
        item["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
        item["status"] = {"state": "ready", "desiredCPU": "1"}
        items.append(item)
    return yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": items})
