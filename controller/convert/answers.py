"""Fields of Kubernetes that an application of CML cannot have, and what to use instead."""

from collections.abc import Mapping

_PLACEMENT = (
    "CML places applications on nodes with the CPU, memory and GPUs asked for; choose others by "
    "`resources.accelerator`, `resourceGroup` or one `nodeSelector`"
)
SELECTOR = "CML takes one label of a node; write the one that counts as `nodeSelector`"
_USER = "a member runs as the CML user who owns the project's applications"
_PLATFORM = "the platform sets it for each application"
_WATCHED = "raycml watches Ray itself and restarts a member that is down"
_DNS = "members find each other by files of the project"
ELSE = "an application of CML has no such field"

# Below `template.spec`.
POD: Mapping[str, str] = {
    "activeDeadlineSeconds": "a member runs until the spec changes; set `suspend` to stop it",
    "affinity": _PLACEMENT,
    "automountServiceAccountToken": _USER,
    "dnsConfig": _DNS,
    "dnsPolicy": _DNS,
    "enableServiceLinks": _DNS,
    "ephemeralContainers": "a member is one container",
    "hostAliases": _DNS,
    "hostIPC": _PLATFORM,
    "hostNetwork": _PLATFORM,
    "hostPID": _PLATFORM,
    "hostname": _DNS,
    "imagePullSecrets": "CML pulls the runtimes of its catalogue; an administrator registers one",
    "nodeName": _PLACEMENT,
    "priority": "CML has no priorities; quotas of the workspace decide what may start",
    "priorityClassName": "CML has no priorities; quotas of the workspace decide what may start",
    "resourceClaims": "set `resources.gpu`, which CML asks for by number",
    "restartPolicy": _WATCHED,
    "runtimeClassName": _PLATFORM,
    "schedulerName": _PLACEMENT,
    "schedulingGates": _PLACEMENT,
    "securityContext": _USER,
    "serviceAccount": _USER,
    "serviceAccountName": _USER,
    "shareProcessNamespace": "a member is one container",
    "subdomain": _DNS,
    "terminationGracePeriodSeconds": _PLATFORM,
    "tolerations": _PLACEMENT,
    "topologySpreadConstraints": _PLACEMENT,
}

# Of the container that runs Ray.
_START = (
    "the launcher starts Ray; put options of `ray start` into `rayStartParams`, and prepare files "
    "and packages in the project or by `pythonEnvironment`"
)
CONTAINER: Mapping[str, str] = {
    "args": _START,
    "command": _START,
    "envFrom": "set these variables in `environment`, or in the CML project where they are secret",
    "imagePullPolicy": "CML pulls the runtimes of its catalogue",
    "lifecycle": "raycml stops and starts Ray itself; use `rayStartParams` or the project's files",
    "livenessProbe": _WATCHED,
    "ports": "raycml sets the ports of a member; the head's application is the dashboard's address",
    "readinessProbe": _WATCHED,
    "resizePolicy": "a change of `resources` restarts the member",
    "restartPolicy": _WATCHED,
    "securityContext": _USER,
    "startupProbe": _WATCHED,
    "stdin": "a member has no terminal",
    "tty": "a member has no terminal",
    "volumeDevices": "a member has the project's files and disk of its own",
    "workingDir": "a member starts in the project's folder",
}

_FILES = "put the files into the CML project, which every member has at /home/cdsw"
_OWN_DISK = "a member has disk of its own, which ends with it; nothing to do"
_SHARED = "use the CML project's files, which all members share, or an object store"
VOLUMES: Mapping[str, str] = {
    "configMap": _FILES,
    "csi": _SHARED,
    "downwardAPI": "use the variables that the platform sets, such as CDSW_PROJECT_ID",
    "emptyDir": _OWN_DISK,
    "ephemeral": _OWN_DISK,
    "gcePersistentDisk": _SHARED,
    "awsElasticBlockStore": _SHARED,
    "azureFile": _SHARED,
    "hostPath": "CML gives no access to the disks of a node; use the CML project's files",
    "nfs": _SHARED,
    "persistentVolumeClaim": _SHARED,
    "projected": _FILES,
    "secret": "keep the secret in variables of the CML project, which its applications inherit",
}
SHARED_MEMORY = (
    "shared memory is a setting of the CML project (Project Settings > Advanced); "
    "`raycml doctor` says whether it is enough"
)

# PodAmounts of a container besides CPU, memory and GPUs, by the start of their names.
AMOUNTS: Mapping[str, str] = {
    "ephemeral-storage": "CML has no quota of local disk for an application",
    "hugepages-": "CML offers no huge pages",
    "google.com/tpu": "CML has no TPUs; use GPUs (`resources.gpu`), or remove the group",
    "aws.amazon.com/neuron": "CML has no Neuron cores; use GPUs (`resources.gpu`)",
    "habana.ai/gaudi": "CML has no Gaudi devices; use GPUs (`resources.gpu`)",
    "nvidia.com/mig-": "CML counts whole GPUs, or the partitions of its own set-up; "
    "set `resources.gpu`",
}

# Documents beside Ray's, by kind.
DOCUMENTS: Mapping[str, str] = {
    "ConfigMap": _FILES,
    "Gateway": "the head's application is the address of the dashboard",
    "Ingress": "the head's application is the address of the dashboard",
    "Job": "run it as a job of CML",
    "PersistentVolume": _SHARED,
    "PersistentVolumeClaim": _SHARED,
    "Secret": "keep it in variables of the CML project, which its applications inherit",
    "Service": "the head's application is the address of the dashboard",
}
ALREADY = "it is a spec of raycml already"
ELSEWHERE = "it is no cluster; leave it out of the folder of specs"
