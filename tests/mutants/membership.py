"""Nodes and reports that are lost, and what is concluded from them."""

from tests.mutants.mutant import Mutant, m

MEMBERSHIP = "tests/core/test_membership.py"
LOST = f"{MEMBERSHIP}::test_a_node_is_lost_that_ray_had_and_that_nothing_looks_after"
GUESS = f"{MEMBERSHIP}::test_no_worker_is_restarted_on_a_report_that_is_lost"
PAGE = "core/situation/membership.py"
COMMANDS = "tests/cli/test_cli_membership.py"

# fmt: off
MUTANTS: list[Mutant] = [
    m("B3", "a report is believed for thirty seconds, whatever its period",
      "core/model/ray/report.py",
      "min(PERIODS * self.period_s, fresh_s) if self.period_s else fresh_s", "fresh_s",
      f"{MEMBERSHIP}::"
      "test_a_report_is_believed_for_three_of_its_periods_and_never_for_longer_than_thirty_seconds"),
    m("B3", "a report of a long period is believed for as long", "core/model/ray/report.py",
      "min(PERIODS * self.period_s, fresh_s) if self.period_s else fresh_s",
      "PERIODS * self.period_s if self.period_s else fresh_s",
      f"{MEMBERSHIP}::"
      "test_a_report_is_believed_for_three_of_its_periods_and_never_for_longer_than_thirty_seconds"),
    m("B3", "a head that cannot read Ray calls every node dead", "core/situation/cluster.py",
      " or report.error:", ":", LOST),
    m("B6", "a command ends on a report from before it began", "run/convergence.py",
      "        if result is Verdict.REACHED and not is_proven(done):", "        if False:",
      f"{COMMANDS}::"
      "test_a_reconcile_a_second_after_the_end_of_the_gcs_does_not_end_with_ready"),
    m("B8", "a member that starts Ray again is restarted", PAGE,
      "was_there and (row.state == JOINED or _is_silent(row))", "was_there", LOST),
    m("B8", "a node that never joined counts as lost", PAGE,
      "was_there and (row.state == JOINED or _is_silent(row))",
      "row.state == JOINED or _is_silent(row)", LOST),
    m("B8", "a head that answers before its node registers is restarted", PAGE,
      " and member != HEAD)", ")",
      f"{MEMBERSHIP}::test_a_head_that_answers_before_its_node_registers_has_lost_nothing"),
    m("B8", "a frozen node program is not noticed", PAGE,
      " or _is_silent(row))", ")", LOST),
    m("B8", "a node that raycml drains counts as lost", PAGE,
      "if row is None or row.alive or is_leaving(report, member):",
      "if row is None or row.alive:", LOST),
    m("B8", "an answer about an earlier start protects a lost node", PAGE,
      "    answers = report.answers_to(member, row.engine_id)\n",
      "    answers = [a for a in (report.answers or {}).values() if a.member == member]\n",
      LOST),
    m("B15", "the time of a lost node begins while nothing is known of it", "core/planner/phases.py",
      "since = cluster.past.member(key).lost_since or cluster.now",
      "since = cluster.past.member(key).unjoined_since or cluster.now",
      f"{MEMBERSHIP}::"
      "test_the_time_begins_when_the_loss_is_visible_not_when_the_report_was_lost"),
    m("B4", "a head that says nothing any more is restarted", "core/planner/phases.py",
      "    if loss.unreadable:\n", "    if loss:\n",
      f"{MEMBERSHIP}::test_a_head_that_says_nothing_any_more_is_left_to_a_person"),
    m("B4", "a protected head is restarted with its lost node", "core/planner/phases.py",
      "return waits or repair(cluster, member, app, Reason.NODE_LOST)",
      "return repair(cluster, member, app, Reason.NODE_LOST)",
      f"{MEMBERSHIP}::test_a_head_whose_node_is_lost_is_restarted_unless_it_is_protected"),
    m("B6", "a lost node that runs is not restarted", "execute.py",
      "Reason.NODE_LOST, Reason.REPORT_LOST}", "}",
      f"{COMMANDS}::test_a_head_whose_gcs_does_not_answer_is_restarted_and_nothing_else"),
    m("B15", "the node of an earlier start is noted at once", PAGE,
      "None or age < LEFTOVER_S", "None",
      f"{MEMBERSHIP}::"
      "test_the_node_of_an_earlier_start_is_unknown_only_once_ray_must_have_noticed_its_end"),
    m("B3", "a report says itself when it was read", "files/reports.py",
      ', "read_at": None}', "}", "tests/files/test_files_reports.py::test_a_report_is_read_whole"),
    m("B5", "a worker is created that Ray does not let join", "core/planner/member.py",
      "return waits or absent(cluster, member.match)", "return absent(cluster, member.match)",
      f"{MEMBERSHIP}::test_no_worker_is_created_beside_a_head_of_another_ray_that_stays"),
    m("B5", "a worker waits for a head that is about to follow", "core/planner/member.py",
      "waits = None if follows else beside", "waits = beside",
      f"{MEMBERSHIP}::test_a_worker_is_created_beside_a_head_that_is_about_to_follow"),
    m("B5", "a worker that Ray does not let in waits without a word", "core/planner/phases.py",
      "    if waits := _disagreeing(cluster, member):", "    if waits := None:",
      f"{MEMBERSHIP}::test_a_worker_that_ray_would_not_let_in_is_named_before_it_gives_up"),
]
