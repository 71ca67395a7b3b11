"""Programs that run inside the test cluster, as text: the controller never imports Ray.

Each is an argument of `python -c` in a job.  `-c` puts the working folder on the path, where a
user's `ray.py` would hide Ray.  The answer is one JSON object, in the last line of output that
begins with MARKER.
"""

from controller.node.ray.command import MARK

MARKER = "raycml-acceptance "

_BEGINNING = f"""\
import json, os, signal, sys, time
sys.path[:] = [entry for entry in sys.path if entry]
import ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

def on(node_id):
    return NodeAffinitySchedulingStrategy(node_id, soft=False)

def answer(value):
    print("\\n{MARKER}" + json.dumps(value), flush=True)

ray.init(log_to_driver=False, logging_level="ERROR")
"""

# One task on each node that Ray lists as alive; the answer is the engine of each, by node name.
TASKS = f"""{_BEGINNING}
@ray.remote(num_cpus=0, max_retries=0)
def whereabouts():
    return os.environ.get("CDSW_ENGINE_ID", "")

nodes = [node for node in ray.nodes() if node["Alive"]]
tasks = {{
    node["NodeName"]: whereabouts.options(scheduling_strategy=on(node["NodeID"])).remote()
    for node in nodes
}}
answer({{name: ray.get(task, timeout=90) for name, task in tasks.items()}})
"""

# A task on the node with this id kills the node program above it.  Every process that the node
# program started carries the mark; the first ancestor without it is the node program.
# Ray's own worker overwrites its environment with its title, so the search begins at its parent.
KILL = f"""{_BEGINNING}
@ray.remote(num_cpus=0, max_retries=0)
def die():
    pid = os.getppid()
    while pid > 1:
        with open(f"/proc/{{pid}}/environ", "rb") as file:
            marked = any(part.startswith(b"{MARK}=") for part in file.read().split(b"\\0"))
        if not marked:
            break
        with open(f"/proc/{{pid}}/stat", "rb") as file:
            pid = int(file.read().rpartition(b")")[2].split()[1])
    if pid <= 1 or pid == os.getppid():
        return "no node program above this task"
    os.kill(pid, signal.SIGKILL)
    time.sleep(30)
    return f"the node outlived its node program, process {{pid}}"

try:
    said = ray.get(die.options(scheduling_strategy=on(sys.argv[1])).remote(), timeout=60)
except Exception as error:
    answer({{"ended": type(error).__name__}})
else:
    answer({{"ended": "", "said": said}})
"""
