"""Secrets and control characters in what is shown."""

from tests.mutants.mutant import m

EVERYWHERE = "tests/cli/test_cli_secrets_everywhere.py"
ERRORS = "tests/cml/test_cml_secrets.py"


# fmt: off
MUTANTS = [
    m("B19", "the bundle shows each variable that begins with RAYCML_", "cli/doctor_bundle.py",
      "marks = {k: v if k in SHOWN else", "marks = {k: v if k.startswith(PREFIX) else",
      f"{EVERYWHERE}::test_the_bundle_shows_the_values_of_marks_alone"),
    m("B19", "an error repeats a token that is called RAYCML_", "cml/translate.py",
      "if k not in SHOWN}", 'if not str(k).startswith("RAYCML_")}',
      f"{ERRORS}::test_a_value_of_an_environment_that_the_server_complains_of_is_not_repeated"),
    m("B19", "an error repeats half of a value that a server repeats", "redaction.py",
      "text = _after_names(text, named, variables)", "pass",
      f"{EVERYWHERE}::test_a_servers_words_are_shown_without_values"),
    m("B19", "an error ends in half of a secret", "redaction.py",
      "return _without_cut_end(text, hidden)", "return text",
      f"{EVERYWHERE}::test_a_servers_words_are_shown_without_values"),
    m("B19", "an address is shown with its password", "redaction.py",
      'return _LOGIN.sub(_login, text) if "@" in text else text', "return text",
      f"{EVERYWHERE}::test_addresses_are_shown_without_logins"),
    m("B19", "a problem of a spec quotes the value of a variable", "source/messages.py",
      "return _variable(name, node) if _is_variable(error) else _typed(",
      "return _variable(name, node) if False else _typed(",
      f"{EVERYWHERE}::test_the_value_of_a_variable_is_not_in_the_problem_of_a_spec"),
    m("B19", "a source that is not there is shown with its token", "cli/sources.py",
      'return "the source" if "@" in source else source', "return source",
      f"{EVERYWHERE}::test_an_address_that_cannot_be_followed_is_not_repeated"),
    m("B19", "the representation of an application shows its variables", "core/observed.py",
      "environment: Mapping[str, str] = field(default_factory=dict, repr=False)",
      "environment: Mapping[str, str] = field(default_factory=dict)",
      f"{EVERYWHERE}::test_the_running_controller_shows_no_secret[lost]"),
]
