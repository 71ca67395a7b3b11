"""Where every history must end: faults are over, people rest, and the world comes to match.

Then it stays so without a write, the controller says that it is well, and nothing of ours runs that
its status does not name.
"""

from tests.simulation.builders import left_building
from tests.simulation.oracle import mismatch, place_of, unrest
from tests.simulation.processes import Process
from tests.simulation.simulation import Prepared, Simulation

# Turns at the controller's own pace, then some that are a minute apart, then some apart by more
# than every deadline and backoff that a controller may still have to wait for.
OWN_PACE = 26
MINUTES = 8
DEADLINES = 14
TURNS = OWN_PACE + MINUTES + DEADLINES
STILL_TURNS = 1
PREPARING = -1


class NotConvergedError(AssertionError):
    """A calm world that does not come to match its documents, or does not stay so."""


def quiet(sim: Simulation) -> None:
    """Specs are valid and frozen, faults are over, people rest."""
    sim.rules.clear()
    sim.interrupts.clear()
    sim.mend_files()
    for name in sim.world.sites:
        sim.skies[name].clear()
        sim.people[name].tidy()
    sim.world.heal()
    for process in sim.processes.values():
        process.set_skew(0.0)
    if not any(process.goes_on for process in sim.processes.values()):
        sim.launch("z", seed=0)
    if any(_replaced(process) for process in sim.processes.values()):
        # A field that is not taken and an update that is refused for good ask for a person: to try
        # again costs the member its work.  Here the person starts the controller anew.
        for process in list(sim.processes.values()):
            process.die()


def _replaced(process: Process) -> bool:
    if process.loop is None:
        return False
    members = process.loop.history.members.values()
    updates = (m.refused_update for m in members if m.refused_update is not None)
    refused = any(refusal.fault != "QuotaExceeded" for refusal in updates)
    return refused or any(m.unapplied and m.replaced for m in members)


def calm(sim: Simulation) -> int:
    """The turns that it took to match; NotConvergedError when it does not, or not for good."""
    quiet(sim)
    for turn in range(1, TURNS + 1):
        if turn > OWN_PACE:
            _stretch(sim, 60.0 if turn <= OWN_PACE + MINUTES else 660.0)
        sim.next_turn()
        _agree(sim)
        _help(sim)
        leader = _leader(sim)
        if leader is not None and _is_done(leader) and not mismatches(sim):
            _stays(sim, leader)
            return turn
    raise NotConvergedError(f"after {TURNS} turns: {mismatches(sim)}; {_words(sim)}")


def _stretch(sim: Simulation, seconds: float) -> None:
    for process in sim.processes.values():
        if process.due < float("inf"):
            process.due = max(process.due, sim.now + seconds)


def _leader(sim: Simulation) -> Process | None:
    for process in sim.processes.values():
        if process.running is not None and process.loop is not None:
            state = process.loop.state
            if process.running.last is not None and not state.error and not state.holder:
                return process
    return None


def _is_done(leader: Process) -> bool:
    assert leader.running is not None
    done = leader.running.last
    return done is not None and not done.plan.steps and leader.running.follower.held is None


def _agree(sim: Simulation) -> None:
    """A person agrees to the revision that waits: it is what people want."""
    leader = _leader(sim)
    held = None if leader is None or leader.running is None else leader.running.follower.held
    if held is not None and held.revision not in sim.agreed:
        sim.agreed.add(held.revision)
        sim.command("approve", held.revision)


def _help(sim: Simulation) -> None:
    """A person deletes what a protected cluster may not delete itself, as they are asked to."""
    leader = _leader(sim)
    done = None if leader is None or leader.running is None else leader.running.last
    for wait in () if done is None else done.plan.waits:
        if wait.member is not None and "delete the application in CML" in wait.message:
            name = f"ray-{wait.cluster}-{str(wait.member).replace('/', '-')}"
            for people in sim.people.values():
                people.delete(name)


def mismatches(sim: Simulation) -> list[str]:
    """What differs from the documents, in any project."""
    found: list[str] = []
    stays = {cluster for cluster in sim.docs if _stays_where_it_was(sim, cluster)}
    specs = {name: doc["spec"] for name, doc in sim.docs.items()}
    rests = {n for n, spec in specs.items() if spec.get("suspend") and not spec.get("paused")}
    for name, site in sim.world.sites.items():

        def leaves(cluster: str, name: str = name) -> bool:
            left = (name, cluster) in sim.declared.leaving and cluster not in stays | rests
            return left and not sim.keeps(name, cluster)

        found += [f"{name}: {why}" for why in unrest(rests - stays, site, sim.owner)]
        docs = {cluster: doc for cluster, doc in sim.docs_of(name).items() if cluster not in stays}
        found += [f"{name}: {why}" for why in mismatch(docs, site, sim.owner, leaves)]
        found += [f"{name}: {why}" for why in left_building(site, sim.owner)]
    return found


def _stays_where_it_was(sim: Simulation, cluster: str) -> bool:
    """A protected cluster loses nothing, so it does not follow its document to another project."""
    doc = sim.docs[cluster]
    elsewhere = [site for name, site in sim.world.sites.items() if name != sim.site_name(doc)]
    places = (
        place_of(app.environment, app.subdomain, sim.owner)
        for site in elsewhere
        for app in site.rows()
    )
    found = any(place is not None and place.cluster == cluster for place in places)
    return found and bool(doc["spec"].get("protect"))


def _stays(sim: Simulation, leader: Process) -> None:
    sim.sent.clear()
    for _ in range(STILL_TURNS):
        _stretch(sim, 30.0)
        sim.next_turn()
    if sim.sent:
        raise NotConvergedError(f"a world that matched was written to: {sim.sent}")
    if found := mismatches(sim):
        raise NotConvergedError(f"a world that matched went on to differ: {found}")
    if hidden := unseen(sim, leader):
        raise NotConvergedError(f"applications run that the status does not name: {hidden}")
    if leader.unready():
        raise NotConvergedError(f"all is well, and the controller is unready: {leader.unready()}")


def unseen(sim: Simulation, leader: Process) -> list[str]:
    """Applications of ours whose cluster is not in the status."""
    assert leader.running is not None
    status = leader.running.snapshot.status
    named = set() if status is None else {cluster.name for cluster in status.clusters}
    found = []
    for site in sim.world.sites.values():
        for app in site.rows():
            place = place_of(app.environment, app.subdomain, sim.owner)
            if place is not None and place.cluster not in named:
                found.append(app.subdomain)
    return found


def _words(sim: Simulation) -> str:
    said = []
    for process in sim.processes.values():
        if process.running is None or process.loop is None:
            said.append(f"{process.name} does not run")
            continue
        state, done = process.loop.state, process.running.last
        plan = None if done is None else done.plan
        steps = [] if plan is None else [f"{s.name} {s.member} ({s.reason})" for s in plan.steps]
        waits = [] if plan is None else [f"{w.cluster} {w.reason}: {w.message}" for w in plan.waits]
        outcomes = [] if done is None else [f"{o.result} {o.message}" for o in done.outcomes]
        held = process.running.follower.held
        refusals = () if plan is None else plan.refusals
        said.append(
            f"{process.name}: error {state.error!r} holder {state.holder!r} steps {steps} "
            f"outcomes {outcomes} waits {waits} refusals {refusals} held {held}"
        )
    return "; ".join(said)


def settled(sim: Simulation, docs: dict[str, dict[str, object]]) -> Prepared:
    """The world in which these documents are settled, from an empty one."""
    sim.begin(Prepared({}, sim.empty), PREPARING)
    for cluster, doc in docs.items():
        sim.write(cluster, doc)
    sim.launch("p", seed=PREPARING)
    calm(sim)
    for process in list(sim.processes.values()):
        process.stop()
    sim.processes.clear()
    return Prepared(docs, sim.world.snapshot())
