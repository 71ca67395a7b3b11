"""Manifests that are converted to something else than they say, and files that are ignored."""

from tests.mutants.mutant import m

CONVERT = "tests/convert/test_convert.py"
ANY = "tests/convert/test_convert_properties.py"
CLI = "tests/cli/test_cli_convert.py"
IGNORE = "tests/source/test_ignore.py"

# fmt: off
MUTANTS = [
    m("B19", "a password in a manifest is copied into a spec", "convert/environment.py",
      "    if is_secret(name, value):", "    if False:",
      f"{CONVERT}::test_no_secret_is_copied_or_repeated"),
    m("B19", "an address with a password in it is copied", "convert/environment.py",
      "(by_name or _LOGIN.search(value) is not None)", "by_name",
      f"{CONVERT}::test_no_secret_is_copied_or_repeated"),
    m("B7", "memory is rounded down", "convert/quantities.py",
      "max(math.ceil(amount / _MIB), least)", "max(math.floor(amount / _MIB), least)",
      f"{CONVERT}::test_memory_is_never_rounded_down"),
    m("B12", "two groups get one name", "convert/names.py",
      "times[slug] == 1 and slug not in taken and", "",
      f"{CONVERT}::test_mapped_names_are_accepted_and_stay_different"),
    m("B7", "a field that is not converted is lost in silence", "convert/pod.py",
      "        if name not in _SILENT_POD:", "        if name in answers.POD:",
      f"{ANY}::test_no_field_is_lost_in_silence"),
    m("B7", "each host of a group is forgotten", "convert/group.py",
      "wanted, least = wanted * hosts, least * hosts", "wanted, least = wanted, least",
      f"{CONVERT}::test_replicas_keep_their_bounds_as_with_kuberay"),
    m("B7", "a spec that is not valid is printed", "convert/convert.py",
      "    if problems:\n        written", "    if False:\n        written",
      f"{CONVERT}::test_a_manifest_without_a_valid_spec_is_refused_with_the_reason"),
    m("B9", "a spec of somebody is overwritten", "cli/commands/convert.py",
      "    if to is not None and to.exists() and not force:",
      "    force = True\n    if to is not None and to.exists() and not force:",
      f"{CLI}::test_a_file_is_written_once_and_replaced_only_by_force"),
    m("B14", "rules that cannot be read ignore nothing", "source/directory.py",
      "        return ignore_rules(name, _stable_bytes(file))\n    except IgnoreRulesError as error:\n"
      "        raise SourceError(one_line(str(error))) from None",
      "        return ignore_rules(name, _stable_bytes(file))\n    except IgnoreRulesError:\n"
      "        return IgnoreRules()",
      f"{IGNORE}::test_rules_that_cannot_be_read_stop_the_reading_of_the_whole_source"),
    m("B14", "a file is taken back out of an ignored folder", "source/ignore.py",
      "if folder.ignored:", "if False:",
      f"{IGNORE}::test_the_rules_are_those_of_gitignore"),
    m("B14", "two stars at the end stand for the folder itself", "source/ignore.py",
      "follows = index < last and", "follows = index <= last and",
      f"{IGNORE}::test_the_rules_are_those_of_gitignore"),
]
