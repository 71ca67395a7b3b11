"""A driver that keeps a cluster busy, and says at its end what was lost.

workload.py ADDRESS    reads commands from standard input: `load N` (tasks at a time), `stop`

Tasks are not retried, so each loss shows; actors may restart, and their calls are repeated.  Its
last line is JSON: the number of tasks, the failures, and the nodes of each actor in turn.
"""

import json
import logging
import select
import sys
import time

import ray

TASK_S = 1.5
ACTORS = 2


@ray.remote(num_cpus=1, max_retries=0)
def task() -> str:
    time.sleep(TASK_S)
    return ray.get_runtime_context().get_node_id()


@ray.remote(num_cpus=0, resources={"place": 1}, max_restarts=-1, max_task_retries=-1)
class Actor:
    """Lives on some worker, which alone has places, for as long as it may."""

    def where(self) -> str:
        return str(ray.get_runtime_context().get_node_id())


def commands(seconds: float) -> str:
    ready = select.select([sys.stdin], [], [], seconds)[0]
    return sys.stdin.readline().strip() if ready else ""


def main(address: str) -> None:
    ray.init(
        address,
        _node_ip_address=address.rsplit(":", 1)[0],
        logging_level=logging.ERROR,
        log_to_driver=False,
    )
    actors = [Actor.options(scheduling_strategy="SPREAD").remote() for _ in range(ACTORS)]
    places: list[list[str]] = [[] for _ in actors]
    load, done, failed = 3, 0, []
    running: list[ray.ObjectRef] = []
    calls = {actor.where.remote(): n for n, actor in enumerate(actors)}
    while True:
        command = commands(0.2)
        if command == "stop":
            break
        if command.startswith("load "):
            load = int(command.split()[1])
        running += [task.remote() for _ in range(load - len(running))]
        ended, _ = ray.wait([*running, *calls], num_returns=len(running) + len(calls), timeout=0)
        for reference in ended:
            try:
                value = ray.get(reference)
            except Exception as error:  # noqa: BLE001 - each is a loss, whatever its kind
                failed.append(f"{type(error).__name__}: {str(error).splitlines()[0][:200]}")
                value = ""
            if reference in calls:
                number = calls.pop(reference)
                if value and places[number][-1:] != [value]:
                    places[number].append(value)
                calls[actors[number].where.remote()] = number
            else:
                running.remove(reference)
                done += bool(value)
    print(json.dumps({"done": done, "failed": failed, "places": places}), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
