"""Specs that pass validation and cannot start."""

from tests.mutants.mutant import m

PORTS = "tests/core/test_start_ports.py"
VARIABLES = "tests/core/test_ray_variables.py"
SPEC = "tests/core/test_spec.py"
PARTS = "tests/launcher/test_launcher_parts.py"
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
    m("B8", "one bound of the workers' ports is compared with nothing", "core/start_ports.py",
      "if low >= high:", "if low >= high and LOW in params and HIGH in params:",
      f"{PORTS}::test_ports_that_ray_refuses_are_refused_with_their_place"),
    m("B8", "a port may lie within the ports of workers", "core/start_ports.py",
      "elif port in workers.ports:", "elif False:",
      f"{PORTS}::test_ports_that_ray_refuses_are_refused_with_their_place"),
    m("B8", "two parts of Ray may have one port", "core/start_ports.py",
      "if port in taken:", "if False:",
      f"{PORTS}::test_ports_that_ray_refuses_are_refused_with_their_place"),
    m("B8", "Ray spills into a folder of the system", "core/start_params.py",
      'if text.split("/")[1] in _OF_THE_SYSTEM and', "if False and",
      f"{PORTS}::test_folders_are_those_that_a_member_may_write"),
    m("B8", "fractions of a resource pass", "core/start_params.py",
      "math.isfinite(value) and value == int(value)", "math.isfinite(value)",
      f"{PORTS}::test_resources_are_those_that_ray_takes"),
    m("B8", "Ray's overrides pass", "core/ray_variables.py",
      '"RAY_OVERRIDE_": _OVERRIDE,', "",
      f"{VARIABLES}::test_what_would_defeat_us_is_refused_with_a_reason"),
    m("B8", "a word passes for a number of Ray", "core/ray_variables.py",
      "if name in WHOLE_NUMBERS:", "if False:",
      f"{VARIABLES}::test_a_value_with_which_ray_does_not_start_is_refused"),
    m("B8", "a fraction of a core is rounded down", "launcher/command.py",
      "str(math.ceil(settings.cpu))", "str(max(int(settings.cpu), 1))",
      f"{PARTS}::test_a_fraction_of_a_core_is_rounded_up"),
    m("B8", "a store that Ray refuses is asked for", "launcher/command.py",
      "store = min(store, max(shm_free * 19 // 20, _LARGE_STORE))", "pass",
      f"{PARTS}::test_a_large_store_is_cut_to_what_ray_accepts"),
    m("B8", "the node program chooses a port that the spec gave to another part",
      "launcher/ports.py", "None if port in avoided else _hold(port)", "_hold(port)",
      f"{PARTS}::test_a_port_that_another_part_of_ray_has_is_not_claimed"),
    m("B9", "a record forgets clusters whose specs a newer version refuses", "files/record_text.py",
      'RayCluster.model_validate(_whole(fields.get("spec"), texts), context=RECORDED)',
      'RayCluster.model_validate(_whole(fields.get("spec"), texts))',
      "tests/files/test_files_records.py::test_a_record_keeps_a_spec_that_an_earlier_version_took"),
    m("B7", "a slip in a number of replicas passes", "core/groups.py",
      "if unstated and replicas > UNSTATED_REPLICAS:", "if False:",
      f"{SPEC}::test_a_slip_in_a_number_of_replicas_is_refused_with_a_way_to_mean_it"),
    m("B7", "groups together have no bound", "core/bounds.py",
      "if members > MAX_MEMBERS:", "if False:",
      f"{SPEC}::test_a_cluster_has_a_bound_on_its_members"),
    m("B8", "a member gets less memory than Ray itself takes", "core/groups.py",
      "if resources.memory * 1024 < least and", "if False and",
      f"{SPEC}::test_memory_below_what_ray_itself_takes_is_refused"),
    m("B7", "an environment may be larger than a list can carry", "core/environment.py",
      "if found <= MAX_SIZE:", "if True:",
      f"{SPEC}::test_an_environment_that_no_list_could_carry_is_refused_where_it_is_written"),
    m("B7", "replicas left out are one, whatever minReplicas says", "core/groups.py",
      'if not isinstance(written, Mapping) or "replicas" in written:', "if True:",
      f"{SPEC}::test_replicas_left_out_are_the_fewest_that_are_written"),
    m("B7", "the schema beside the specs is read as a spec", "source/directory.py",
      "if path.name == FILE_NAME:", "if False:",
      "tests/source/test_directory.py::test_the_schema_that_init_writes_is_no_spec"),
]
# fmt: on
