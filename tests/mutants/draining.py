"""Faults in drains, in the choice of victims and in rollouts."""

from tests.mutants.mutant import Mutant, m

DRAIN = "tests/core/test_drain.py"
ROLLOUT = "tests/core/test_rollout.py"
JUDGE = "tests/simulation/test_oracle.py"
PLANNER = "core/planner/drain.py"
VICTIMS = "core/situation/scale_down.py"
NODES = "core/situation/ray_nodes.py"
LAW = "core/audit/draining.py"

# fmt: off
MUTANTS: list[Mutant] = [
    m("B8", "a living node is stopped without a drain", "core/planner/cluster.py",
      "        whole = gate_drains(drains, whole)\n", "        whole += gate_drains(drains, NOTHING)\n",
      f"{DRAIN}::test_an_update_asks_the_head_to_drain_the_node_before_it_stops_the_member"),
    m("B8", "a deleted cluster is not drained", "core/planner/prune.py",
      "        whole = gate_drains(drains, whole)\n", "        whole += gate_drains(drains, Plan())\n",
      f"{DRAIN}::test_members_that_leave_for_good_drain_all_at_once_and_the_head_leaves_last[deleted]"),
    m("B8", "a head does not wait for its workers", PLANNER,
      '    return {**pending, member: _wait(step, member, message)} if pending else {}\n',
      "    return {}\n",
      f"{DRAIN}::test_a_head_waits_for_the_work_of_its_workers_which_are_not_updated_themselves"),
    m("B8", "a drain that nothing answers has no end", PLANNER,
      "    end = past.deadline(past.now if asked is None else asked.since, seconds)\n",
      "    end = past.deadline(past.now, seconds)\n",
      f"{DRAIN}::test_a_request_without_an_answer_is_written_again_and_has_an_end"),
    m("B8", "a request that failed to be written begins its time again", "core/model/history.py",
      "    since = before.since if before is not None and same else now\n",
      "    since = now\n",
      f"{DRAIN}::test_the_time_of_a_request_runs_from_its_first_attempt"),
    m("B8", "the time that a head counted is not believed", PLANNER,
      "        return _while(step, key.member, node, min(ends, end)) if ends else None\n",
      "        return _while(step, key.member, node, end)\n",
      f"{DRAIN}::test_a_member_is_stopped_once_its_node_is_gone_or_its_time_is_over"),
    m("B8", "a clock that is far ahead is believed", PLANNER,
      "    written = credible(report.observed_at, past.now, ahead_s=AHEAD_S)\n",
      "    written = report.observed_at\n",
      f"{DRAIN}::test_answers_from_a_clock_that_is_far_ahead_decide_nothing"),
    m("B8", "a busy victim that refused is drained", PLANNER,
      "    accepted = [answer for answer in answers if not answer.is_refused_idle]\n",
      "    accepted = answers\n",
      f"{DRAIN}::test_a_victim_that_refused_and_must_leave_after_all_is_drained"),
    m("B8", "a victim that refused stays one, because it was asked", "core/situation/cluster.py",
      " and not nodes.refused(m, node)\n", "\n",
      f"{DRAIN}::test_a_victim_that_refused_is_no_victim_because_it_was_asked"),
    m("B8", "an idle node is ended though it may be busy by now", PLANNER,
      "    if _is_exchangeable(drains.nodes, node, step) and not answers:\n", "    if False:\n",
      f"{DRAIN}::test_an_idle_node_leaves_before_a_busy_one_and_only_if_it_is_still_idle"),
    m("B8", "a request of a member that stays stands for ever", PLANNER,
      "    return gated + Plan(tuple(_withdrawals(drains, gated)))\n", "    return gated\n",
      f"{DRAIN}::test_a_request_of_a_member_that_stays_is_withdrawn"),
    m("B8", "a request of an earlier engine stands for ever", PLANNER,
      "        is_current = row is not None and row.engine_id == answer.engine_id\n",
      "        is_current = True\n",
      f"{DRAIN}::test_a_request_for_an_earlier_engine_is_withdrawn"),
    m("B8", "a report that stopped makes a node dead", NODES,
      "        return RayNodes(project, None, is_fresh=False, now=now)\n"
      "    is_fresh = report.is_fresh(now, fresh_s) and not report.error\n"
      "    return RayNodes(project, report, is_fresh, now)\n",
      "        return RayNodes(project, None, is_fresh=False, now=now)\n"
      "    is_fresh = report.is_fresh(now, fresh_s) and not report.error\n"
      "    return RayNodes(project, report if is_fresh else None, is_fresh, now)\n",
      f"{DRAIN}::test_a_report_that_stopped_makes_no_node_dead"),
    m("B8", "a report without Ray's state makes a node dead", NODES,
      "        is_alive = row is not None and (row.alive or bool(self.report.error))\n",
      "        is_alive = row is not None and row.alive\n",
      f"{DRAIN}::test_a_head_that_cannot_read_ray_makes_no_node_dead"),
    m("B8", "half a report makes a node dead", "workspace/reports.py",
      "        before = self._last.pop(place, None)\n        report = read_report",
      "        before, report = None, read_report",
      "tests/core/test_head_clock.py::test_a_report_that_cannot_be_read_for_a_moment_is_the_last_one"),
    m("B8", "a busy worker leaves before an idle one", VICTIMS,
      "        (node.idle_s or 0.0) if node is not None else 0.0,\n", "",
      f"{DRAIN}::test_of_idle_nodes_the_one_that_was_idle_for_longest_leaves"),
    m("B8", "a drain of the engine before counts for the one that runs", NODES,
      "if row is None or starts_after(self.report, app, self.now):", "if row is None:",
      f"{ROLLOUT}::test_the_drain_before_its_update_does_not_make_a_member_serve_again"),
    m("B8", "a victim is exchanged while it drains", VICTIMS,
      "        nodes.is_leaving(app) or member in asked,\n", "",
      f"{DRAIN}::test_a_member_that_drains_stays_the_victim_though_others_are_idle_by_now"),
    m("B8", "a worker that the spec names stays", VICTIMS,
      "    candidates = [member for member in existing if member not in group.to_delete]\n",
      "    candidates = [*existing]\n",
      f"{DRAIN}::test_workers_that_the_spec_names_leave_and_others_take_their_places"),
    m("B8", "law 13 is not held", LAW,
      "            if not _may_end(case, key, node, nodes.report):\n", "            if False:\n",
      f"{DRAIN}::test_law_13_refuses_to_end_a_node_that_is_not_drained"),
    m("B8", "law 13 is not held for idle nodes", LAW,
      "        if row is not None and not row.idle_s and stays is not None:\n", "        if False:\n",
      f"{DRAIN}::test_law_13_refuses_to_drain_a_busy_node_while_an_idle_one_stays"),
    m("B9", "a group goes on rolling while its updated members fail", "core/planner/rollout.py",
      "    if failing_update(cluster, group) is not None:\n        return frozenset()\n", "",
      f"{ROLLOUT}::test_a_group_whose_updated_member_fails_stops_rolling"),
    m("B22", "a member that may not be back in Ray counts as back", "core/planner/rollout.py",
      "    return is_unseen and not member.drift and not member.kept and head_runs\n", "    return False\n",
      f"{ROLLOUT}::test_the_next_member_waits_until_ray_says_that_the_last_one_is_back"),
]
