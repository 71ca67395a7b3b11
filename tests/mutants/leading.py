"""Leases, orders, time-outs and the end of a process."""

from tests.mutants.mutant import Mutant, m

LEASES = "tests/files/test_files_leases.py"
HELD = "tests/cli/test_cli_lease.py"
LIMIT = "tests/cml/test_cml_limit.py"
PLACES = "tests/cli/test_places.py"

# fmt: off
MUTANTS: list[Mutant] = [
    m("B13", "a lease that cannot be written stops every repair", "cli/compose.py",
      "            self.log.warning(\"lease not written\", error=str(error))\n            return",
      "            raise Fault(str(error), kind=\"Files\") from None",
      f"{HELD}::test_a_lease_that_cannot_be_written_stops_no_repair"),
    m("B13", "an idle controller renews no lease", "cli/compose.py",
      "with machine.repeat(lease.renew, _BEAT_S):", "with machine.repeat(lambda: None, _BEAT_S):",
      "tests/cli/test_leading.py::test_a_controller_in_a_long_call_or_idle_keeps_its_lease"),
    m("B13", "the lease is free while it is renewed", "files/leases.py",
      "        try:\n            self._files.write_new(",
      "        self._sweep(numbers)\n        try:\n            self._files.write_new(",
      f"{LEASES}::test_no_failure_of_a_renewal_leaves_a_moment_without_a_lease"),
    m("B13", "two take a free lease at once", "files/leases.py",
      "        if not held:\n            self._concede()", "",
      f"{LEASES}::test_of_two_that_take_a_free_lease_at_once_one_has_it"),
    m("B13", "one who cannot read the lease leads beside one who does", "files/leases.py",
      "            self._check()  # a controller that led a moment ago still leads\n", "",
      f"{LEASES}::test_who_was_seen_to_lead_leads_while_the_files_cannot_be_read"),
    m("B13", "a stand-by says that it leads", "cli/running.py",
      "            self.leads = False\n", "",
      "tests/cli/test_leading.py::test_a_second_controller_stands_by_and_says_who_leads"),
    m("B13", "a process of another namespace is judged by its number", "cli/places.py",
      '        namespace = os.readlink("/proc/self/ns/pid")\n', '        namespace = ""\n',
      f"{PLACES}::test_a_process_of_another_namespace_is_not_judged"),
    m("B13", "a process that /proc hides is dead", "cli/places.py",
      "return None if _exists(int(rest)) else False", "return False",
      f"{PLACES}::test_a_process_that_proc_does_not_show_is_not_judged"),
    m("B13", "a silent holder ends a command", "cli/convergence.py",
      "        await_lease(self.session, self.deadline,", "        raise fault\n        _ = (",
      f"{HELD}::test_a_silent_holder_is_waited_out_and_taken_over"),
    m("B18", "a lease is waited for beyond the time of the command", "cli/leading.py",
      "if alive or spare_s <= 0.0:", "if alive:",
      f"{HELD}::test_the_time_of_a_command_holds_while_it_waits_for_the_lease"),
    m("B18", "a stop cuts no call", "cml/limit.py",
      "            _shut_down(each)", "            pass",
      f"{LIMIT}::test_a_cut_ends_a_call_that_is_not_answered"),
    m("B18", "calls begin after a stop", "cml/transport.py",
      "        if self.limit.is_over:\n            return OverError()\n", "",
      f"{LIMIT}::test_no_call_begins_when_calls_are_over_and_a_write_surely_did_not_happen"),
    m("B18", "a pass waits for each of many silent answers", "cli/running.py",
      "        limit.until(clock.monotonic() + self.session.settings.pass_budget_s + _CALLS_S)\n",
      "",
      "tests/cli/test_leading.py::test_a_pass_ends_in_bounded_time_when_cml_does_not_answer"),
    m("B1", "an interrupt says nothing of what is half done", "cli/convergence.py",
      "        self.half_done.heard(outcome)\n", "",
      "tests/cli/test_cli_stories.py::test_an_interrupt_names_the_members_that_are_half_done"),
    m("B1", "steps begin after an interrupt", "cli/interrupts.py",
      "        self.aborted.set()\n        if", "        if",
      "tests/cli/test_cli_stories.py::"
      "test_a_signal_begins_no_further_step_and_a_second_one_ends_at_once"),
]
