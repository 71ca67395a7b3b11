"""Specs that pass validation and cannot start."""

from tests.mutants.mutant import m

LINEAR = "tests/patterns/test_patterns.py::test_it_is_linear"

# fmt: off
MUTANTS = [
    m("B7", "a word with many underscores is matched by the square", "source/scalars.py",
      "|[0-9]+_[0-9_]*)", "|[0-9][0-9_]*_[0-9_]*)", LINEAR),
    m("B7", "blanks of a requirement are split by the square", "core/requirements.py",
      '_WORD = re.compile(r"\\S+")', '_WORD = re.compile(r"\\S+\\s+(?=--)|\\S+")', LINEAR),
    m("B7", "a repository's name is searched by the square", "source/git_failures.py",
      '"repository not found",', '"repository.*not found",', LINEAR),
    m("B7", "a long run of blanks in a header reaches the slow parser", "web/channel.py",
      'if _RUN in header_plus.replace(b"\\t", b" "):', "if False:",
      "tests/web/test_web_server.py::"
      "test_a_header_with_a_long_run_of_blanks_is_refused_before_it_is_parsed"),
]
# fmt: on
