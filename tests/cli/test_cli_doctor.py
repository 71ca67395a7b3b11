"""`raycml doctor`: no finding in a healthy setup, and each planted fault is found."""

import json
import os
import random
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import doctor_setup as faults
import httpx
import pytest
from doctor_setup import Setup
from stage import KEY, Stage

from controller.doctor.bundle import reserve, write
from controller.doctor.checkup import CHECKS, examine
from controller.doctor.probe import open_probe
from controller.process.identity import this_place
from controller.process.system import System
from controller.terminal.common import CommonOptions
from controller.terminal.exit_codes import Exit
from controller.terminal.screen import Screen

SECRET = "hunter2-hunter2"  # the value of a variable in every spec of the stage


@pytest.fixture
def setup(stage: Stage) -> Setup:
    return Setup(stage)


def by_result(results: list[dict[str, str]], result: str) -> list[str]:
    return [found["name"] for found in results if found["result"] == result]


def test_a_healthy_cluster_has_no_bad_line_and_no_warning(setup: Setup) -> None:
    said = setup.examine()
    results = setup.results()
    assert said.code == Exit.DONE
    assert by_result(results, "bad") == by_result(results, "warning") == []
    assert by_result(results, "unknown") == ["quota", "nodes"]  # the workspace tells of neither
    assert len(results) == len(CHECKS)
    assert f"{len(CHECKS) - 2} good, 2 unknown" in said.out


def test_what_is_good_says_what_was_seen(setup: Setup) -> None:
    said = {found["name"]: found["message"] for found in setup.results()}
    assert said["key"] == "valid for the API; its user is developer"
    assert said["version"] == "API 26.06.13"
    assert said["git"] == "git version 2.43.0"
    assert said["ray-version"] == "analytics: Ray 2.60.0, Python 3.11.9"
    assert said["shared-memory"] == "fraud-models: 8192 MB for object stores"
    assert said["python"] == ".venv/bin/python is in the project's files"
    assert said["joins"] == "3 nodes joined"
    assert said["reach"] == "2 workers and their heads reach each other"


Fault = tuple[Callable[[Setup], None], str, str, str, Exit]
FAULTS: list[Fault] = [
    # what is planted, the check that finds it, with which result, in which words, and the exit code
    (faults.wrong_key, "key", "bad", "wrong, expired or revoked", Exit.UNAUTHORIZED),
    (faults.key_for_applications_only, "key", "bad", "not for the API", Exit.UNAUTHORIZED),
    (
        faults.sign_in_pages_behind_a_specification,
        "key",
        "bad",
        "sign-in page",
        Exit.UNAUTHORIZED,
    ),
    (faults.wrong_project, "project", "bad", "CML_PROJECT_ID", Exit.NOT_CONVERGED),
    (faults.unknown_project_of_a_spec, "project", "bad", "nowhere", Exit.NOT_CONVERGED),
    (
        faults.no_connection_variables,
        "connection",
        "bad",
        "CML_HOST is not set",
        Exit.NOT_CONVERGED,
    ),
    (faults.unusable_host, "connection", "bad", "must not contain a path", Exit.NOT_CONVERGED),
    (faults.pages_instead_of_answers, "api", "bad", "is not a CML", Exit.UNEXPECTED),
    (faults.no_network, "api", "bad", "no route to host", Exit.UNEXPECTED),
    (faults.untrusted_certificate, "api", "bad", "is not trusted", Exit.UNEXPECTED),
    (faults.certificate_of_another_host, "api", "bad", "for another host", Exit.UNEXPECTED),
    (faults.slow_network, "api", "warning", "1500 ms", Exit.DONE),
    (faults.old_api, "version", "warning", "23.11.2 is older", Exit.DONE),
    (faults.clock_that_is_behind(7), "clock", "warning", "behind CML's", Exit.DONE),
    (faults.clock_that_is_behind(-8), "clock", "warning", "ahead of CML's", Exit.DONE),
    (faults.clock_that_is_behind(25), "clock", "bad", "head reports", Exit.NOT_CONVERGED),
    (faults.key_of_a_project, "pinned-keys", "warning", "CML_API_KEY of project", Exit.DONE),
    (
        faults.key_of_an_application,
        "pinned-keys",
        "warning",
        "CDSW_APIV2_KEY of application ray-analytics-head",
        Exit.DONE,
    ),
    (faults.many_members, "pods", "warning", "49 members and 0 other", Exit.DONE),
    (faults.low_shared_memory, "shared-memory", "warning", "64 MB", Exit.DONE),
    (faults.runtime(faults.DISABLED), "runtimes", "bad", "is disabled", Exit.NOT_CONVERGED),
    (faults.runtime("image:1"), "runtimes", "bad", "not in the workspace", Exit.NOT_CONVERGED),
    (faults.quota(cpu=4), "quota", "bad", "the quota is 4", Exit.NOT_CONVERGED),
    (faults.node(memory=3), "nodes", "bad", "the largest node has 3", Exit.NOT_CONVERGED),
    (faults.unwritable_folder, "files", "bad", "permission denied", Exit.NOT_CONVERGED),
    (faults.no_interpreter, "python", "bad", ".venv/bin/python", Exit.NOT_CONVERGED),
    (faults.held_lease, "lease", "good", "held by kim (engine e1)", Exit.DONE),
    (faults.silent_lease, "lease", "warning", "silent for 60 s", Exit.DONE),
    (faults.foreign_application, "names", "bad", "ray-analytics-cpu-1", Exit.NOT_CONVERGED),
    (faults.orphan, "orphans", "warning", "no spec declares `analytics`", Exit.DONE),
    (faults.unused_launchers, "launchers", "warning", "51 unused launchers", Exit.DONE),
    (faults.open_dashboard, "sign-in", "warning", "ray-analytics-head", Exit.DONE),
    (faults.older_edition, "editions", "warning", "launchers of another edition", Exit.DONE),
    (faults.other_fingerprint, "editions", "warning", "another version (v9)", Exit.DONE),
    (faults.start_that_sticks(400), "applications", "warning", "STARTING for 7 min", Exit.DONE),
    (
        faults.start_that_sticks(1000),
        "applications",
        "bad",
        "STARTING for 17 min",
        Exit.NOT_CONVERGED,
    ),
    (faults.failed_member, "applications", "bad", "has failed", Exit.NOT_CONVERGED),
    (faults.silent_head, "reports", "bad", "has not reported recently", Exit.NOT_CONVERGED),
    (
        faults.worker_that_does_not_join,
        "joins",
        "bad",
        "analytics cpu/1 runs but has not joined Ray",
        Exit.NOT_CONVERGED,
    ),
    (
        faults.worker_that_ray_refuses,
        "joins",
        "bad",
        "analytics cpu/1 runs but has not joined Ray: Ray drained this node",
        Exit.NOT_CONVERGED,
    ),
    (
        faults.worker_that_a_mesh_keeps_from_the_head,
        "reach",
        "bad",
        "analytics: cpu/1 cannot reach the head: the connection was accepted and then closed",
        Exit.NOT_CONVERGED,
    ),
    (
        faults.worker_that_its_head_cannot_reach,
        "reach",
        "bad",
        "analytics: the head cannot reach cpu/0: there was no answer (a network policy)",
        Exit.NOT_CONVERGED,
    ),
    (faults.other_ray, "ray-version", "bad", "runs Ray 2.9.3", Exit.NOT_CONVERGED),
    (faults.paused, "pauses", "warning", "by jdoe: month's end", Exit.DONE),
    (faults.paused_by_its_spec, "pauses", "warning", "by its spec", Exit.DONE),
    (faults.misspelt_setting, "settings", "bad", "RAYCML_SETTEL_S", Exit.NOT_CONVERGED),
    (faults.invalid_spec, "specs", "bad", "specs/broken.yaml:14:24", Exit.INVALID_SPEC),
    (faults.no_git, "git", "warning", "not on PATH", Exit.DONE),
    (faults.old_git, "git", "warning", "1.8.3 is older", Exit.DONE),
]


@pytest.mark.parametrize(
    ("plant", "name", "result", "words", "code"), FAULTS, ids=[f"{f[1]}-{f[3]}" for f in FAULTS]
)
def test_a_planted_fault_is_found(
    setup: Setup,
    plant: Callable[[Setup], None],
    name: str,
    result: str,
    words: str,
    code: Exit,
) -> None:
    plant(setup)
    said = setup.examine("-o", "json")
    found = [one for one in said.json()["checks"] if one["name"] == name]  # type: ignore[index]
    hits = [one for one in found if one["result"] == result and words in one["message"]]
    assert hits, found
    assert all(bool(one["fix"]) == (result in ("bad", "warning")) for one in hits)
    assert said.code == code
    assert "Traceback" not in said.err


ALONE = [
    fault
    for fault in FAULTS
    if fault[1] not in ("key", "connection") and not (fault[1] == "api" and fault[2] == "bad")
]


@pytest.mark.parametrize("fault", ALONE, ids=[f"{f[1]}-{f[3]}" for f in ALONE])
def test_a_fault_hides_no_other_check_and_spoils_none(setup: Setup, fault: Fault) -> None:
    healthy = setup.results()
    fault[0](setup)
    ailing = setup.results()
    names = {found["name"] for found in healthy}
    assert {found["name"] for found in ailing} == names
    spoilt = {one["name"] for one in ailing if one["result"] in ("bad", "warning")}
    assert spoilt <= {fault[1]}


def test_an_unreachable_cml_is_one_bad_line_and_the_rest_is_not_checked(setup: Setup) -> None:
    faults.no_network(setup)
    results = setup.results()
    assert by_result(results, "bad") == ["api"]
    assert by_result(results, "warning") == []
    good = {"settings", "specs", "git", "connection"}
    assert set(by_result(results, "good")) == good
    skipped = [found["message"] for found in results if found["result"] == "unknown"]
    assert sum("CML cannot be reached" in message for message in skipped) == len(skipped) - 1
    assert "not checked: no answer from CML has a date" in skipped


def test_a_refused_key_is_one_bad_line_and_what_needs_no_key_is_checked(setup: Setup) -> None:
    faults.wrong_key(setup)
    results = setup.results()
    assert by_result(results, "bad") == ["key"]
    assert {"api", "version", "clock"} <= set(by_result(results, "good"))


def test_several_faults_are_all_found(setup: Setup) -> None:
    for plant in (faults.low_shared_memory, faults.no_interpreter, faults.other_ray, faults.no_git):
        plant(setup)
    results = setup.results()
    assert by_result(results, "bad") == ["python", "ray-version"]
    assert by_result(results, "warning") == ["git", "shared-memory"]


def test_every_setting_that_is_wrong_has_a_line_with_its_hint(setup: Setup) -> None:
    faults.misspelt_setting(setup)
    setup.environ["RAYCML_RESYNC_S"] = "-1"
    said = [f["message"] for f in setup.results() if f["name"] == "settings"]
    assert said == [
        "RAYCML_SETTEL_S is not a setting; did you mean `RAYCML_SETTLE_S`?",
        "RAYCML_RESYNC_S must be greater than 0",
    ]


def test_the_key_stands_for_all_other_faults_in_the_exit_code(setup: Setup) -> None:
    faults.invalid_spec(setup)
    faults.wrong_key(setup)
    assert setup.examine().code == Exit.UNAUTHORIZED


def test_an_absent_source_has_its_own_exit_code(setup: Setup) -> None:
    said = setup.examine("nowhere/")
    assert said.code == Exit.SOURCE
    assert "specs" in said.out.split("\n")[1]


def test_without_specs_only_what_exists_is_checked(setup: Setup) -> None:
    for spec in (setup.stage.folder / "specs").iterdir():
        spec.unlink()
    (setup.stage.folder / "specs").rmdir()
    said = setup.examine()
    assert said.code == Exit.DONE
    assert "no specs/ here" in said.out
    judged = {found["name"]: found["result"] for found in setup.results()}
    assert (judged["reports"], judged["joins"], judged["applications"]) == (
        "unknown",
        "unknown",
        "good",
    )


def test_one_file_says_nothing_of_orphans(setup: Setup) -> None:
    setup.stage.spec("other", replicas=0)
    found = [f for f in setup.results("specs/other.yaml") if f["name"] == "orphans"]
    assert [one["result"] for one in found] == ["unknown"]


# What it writes


def changes(setup: Setup) -> list[tuple[str, str]]:
    validate = "/api/v2/auth/validate_key"
    return [(m, p) for m, p in setup.stage.wire.writes() if p != validate]


def test_the_probe_is_all_that_is_written_and_is_gone(setup: Setup) -> None:
    before = sorted(setup.stage.all_files())
    setup.stage.wire.calls.clear()
    setup.examine()
    written = changes(setup)
    assert written
    assert all("/files" in path for _, path in written)
    assert sorted(setup.stage.all_files()) == before


def test_a_lease_of_a_process_that_ended_is_not_watched(setup: Setup) -> None:
    setup.hold_lease(lives=False, place=f"{this_place()}7")  # as an earlier one of this number
    before = setup.stage.clock.elapsed
    said = {found["name"]: found for found in setup.results()}["lease"]
    assert (said["result"], "has ended" in said["message"]) == ("good", True)
    assert setup.stage.clock.elapsed == before


def test_read_only_writes_nothing(setup: Setup) -> None:
    setup.stage.wire.calls.clear()
    results = setup.results("--read-only")
    assert changes(setup) == []
    assert [f["result"] for f in results if f["name"] == "files"] == ["unknown"]


def test_a_probe_that_fails_half_way_is_taken_away(setup: Setup) -> None:
    before = sorted(setup.stage.all_files())

    def answer(request: httpx.Request) -> httpx.Response | None:
        probe = request.method == "POST" and request.url.path.endswith(".probe:download")
        return httpx.Response(200, content=b"something else") if probe else None

    setup.cut(answer)
    said = [f for f in setup.results() if f["name"] == "files"]
    assert said[0]["result"] == "bad"
    assert sorted(setup.stage.all_files()) == before


# Forms


def test_the_document_is_complete_and_in_order(setup: Setup) -> None:
    faults.low_shared_memory(setup)
    body = setup.examine("-o", "json").json()
    assert body["schema"] == "raycml.doctor/v1"
    assert body["summary"] == {"good": len(CHECKS) - 3, "warning": 1, "bad": 0, "unknown": 2}
    assert all(set(one) == {"name", "result", "message", "fix"} for one in body["checks"])  # type: ignore[union-attr]
    faults.wrong_key(setup)
    later = setup.examine("-o", "json").json()
    order = [one["name"] for one in body["checks"]]  # type: ignore[union-attr, index]
    assert [one["name"] for one in later["checks"]] == order  # type: ignore[union-attr, index]


def test_the_fix_of_a_missing_worker_follows_from_what_it_says(setup: Setup) -> None:
    faults.worker_that_does_not_join(setup)
    fixes = {found["name"]: found["fix"] for found in setup.results()}
    assert fixes["joins"].startswith("check that pods can reach 10.0.0.7:6379 on any port")
    faults.worker_that_ray_refuses(setup)
    fixes = {found["name"]: found["fix"] for found in setup.results()}
    assert fixes["joins"].startswith("see .raycml/logs/analytics in the project")


def test_the_fix_of_an_obstacle_says_what_to_ask_an_admin_for(setup: Setup) -> None:
    faults.worker_that_a_mesh_keeps_from_the_head(setup)
    faults.worker_that_its_head_cannot_reach(setup)
    fixes = [found["fix"] for found in setup.results() if found["name"] == "reach"]
    assert len(fixes) == 2
    assert "the PeerAuthentication `auth-policy-NAMESPACE`" in fixes[1]
    assert "NetworkPolicy" in fixes[0]
    assert all("`Ask your admin` in docs/operations.md" in fix for fix in fixes)


def test_members_behind_a_mesh_that_reach_each_other_are_well(setup: Setup) -> None:
    faults.members_behind_a_mesh(setup)
    said = {found["name"]: found for found in setup.results()}
    message = "2 workers and their heads reach each other; mesh: istio in 3 pods"
    assert (said["reach"]["result"], said["reach"]["message"]) == ("good", message)


def test_a_worker_that_was_not_probed_is_not_called_reached(setup: Setup) -> None:
    faults.worker_that_was_not_probed(setup)
    said = {found["name"]: found for found in setup.results()}
    assert said["reach"]["result"] == "unknown"
    assert said["reach"]["message"] == "not probed yet: analytics cpu/0"


def test_a_line_shows_its_fix_below_it(setup: Setup) -> None:
    faults.low_shared_memory(setup)
    lines = setup.examine().out.split("\n")
    at = next(n for n, line in enumerate(lines) if line.startswith("shared-memory"))
    assert lines[at].split()[1] == "warning"
    assert lines[at + 1].strip().startswith("fix: run `raycml reconcile`, which raises it")


def test_help_names_the_probe_and_the_exit_codes(stage: Stage) -> None:
    said = " ".join(stage.run("doctor", "--help").out.split())
    assert "one test file" in said
    assert "4 for a problem with the key" in said


# The archive


def unpacked(file: Path) -> Iterator[tuple[str, str]]:
    with tarfile.open(file) as archive:
        for entry in archive.getmembers():
            opened = archive.extractfile(entry)
            assert opened is not None
            assert (entry.uid, entry.uname) == (0, "")
            yield entry.name.removeprefix("raycml-doctor/"), opened.read().decode()


def test_the_archive_holds_what_helps(setup: Setup) -> None:
    log = "".join(f"line {n}\n" for n in range(300))
    setup.stage.write(".raycml/logs/analytics/head.log", log.encode())
    store = ".raycml/stores/analytics/000001-0123abcd"  # may hold secrets, and is left out
    for name in ("store.json", "db/kv/CURRENT"):
        setup.stage.write(f"{store}/{name}", b"{}")
    said = setup.examine("--bundle", "support.tar.gz")
    assert said.code == Exit.DONE
    found = dict(unpacked(Path("support.tar.gz")))
    logs = f"logs/{setup.stage.project}/analytics/head.log"
    assert sorted(found) == sorted(
        [
            "applications.json",
            "doctor.json",
            logs,
            "plan.json",
            "settings.json",
            "specs.txt",
            "status.json",
            "versions.json",
        ]
    )
    assert found[logs].splitlines() == [f"line {n}" for n in range(100, 300)]
    assert json.loads(found["status.json"])["clusters"][0]["state"] == "Ready"
    assert json.loads(found["plan.json"])["steps"] == []
    assert "RAYCML_POOL_THREADS" in json.loads(found["settings.json"])["variables_set"]


def test_the_archive_names_variables_and_holds_only_our_marks(setup: Setup) -> None:
    setup.examine("--bundle", "support.tar.gz")
    apps = json.loads(dict(unpacked(Path("support.tar.gz")))["applications.json"])
    head = next(a for a in apps[setup.stage.project] if a["subdomain"] == "ray-analytics-head")
    assert head["environment"]["PRECIOUS"] == "[left out]"
    assert head["environment"]["RAYCML_MEMBER"] == "head"
    assert head["nvidia_gpu"] == 0  # as CML spells it


def test_the_archive_is_for_its_owner_alone_and_overwrites_nothing(setup: Setup) -> None:
    assert setup.examine("--bundle", "support.tar.gz").code == Exit.DONE
    assert faults.mode(Path("support.tar.gz")) == 0o600
    before = Path("support.tar.gz").read_bytes()
    setup.stage.wire.calls.clear()
    again = setup.examine("--bundle", "support.tar.gz")
    assert again.code == Exit.REFUSED
    assert "is not overwritten" in again.err
    assert setup.stage.wire.calls == []
    assert Path("support.tar.gz").read_bytes() == before


def test_an_archive_is_not_written_through_a_link(setup: Setup) -> None:
    Path("support.tar.gz").symlink_to("elsewhere")
    assert setup.examine("--bundle", "support.tar.gz").code == Exit.REFUSED
    assert not Path("elsewhere").exists()


def test_a_missing_folder_is_reported(setup: Setup) -> None:
    said = setup.examine("--bundle", "nowhere/support.tar.gz")
    assert said.code == Exit.UNEXPECTED
    assert "cannot be written" in said.err


def plant_the_key_everywhere(setup: Setup) -> None:
    """In logs, a description, a name, a script, a message of the head, a spec's fault, a pause."""
    stage, marks = setup.stage, setup.change("ray-analytics-head").environment
    stage.write(".raycml/logs/analytics/head.log", f"key={KEY}; value={SECRET}\n".encode())
    stage.write(f".raycml/logs/{KEY.replace('/', '-')}/x.log", b"harmless\n")
    said = f"Bearer {KEY}"
    setup.change("ray-analytics-head", description=said, environment={**marks, "LEAK": KEY})
    stage.run("pause", "analytics", "--reason", f"because {KEY}")
    stage.spec("broken", cpu=f'"{KEY}"')
    setup.report(ray_version=KEY[:40], address=f"{KEY}:6379")
    setup.environ["RAYCML_WEB_TOKEN"] = "token-for-the-page-77"


def test_no_secret_is_in_the_archive_or_on_the_screen(setup: Setup) -> None:
    plant_the_key_everywhere(setup)
    said = setup.examine("--bundle", "support.tar.gz", "-v")
    packed = dict(unpacked(Path("support.tar.gz")))
    texts = [said.out, said.err, *packed, *packed.values()]
    spellings = (KEY, KEY.replace("/", "\\/"), SECRET, "token-for-the-page-77")
    for text in texts:
        assert not any(secret in text for secret in spellings), text
    assert "[redacted]" in packed[f"logs/{setup.stage.project}/analytics/head.log"]
    assert json.loads(packed["applications.json"])[setup.stage.project][0]["description"] == (
        "[left out]"
    )


def test_a_secret_that_only_the_machine_knows_is_not_in_the_archive(setup: Setup) -> None:
    """Such as the key of the embedded CML, which is in no environment."""
    stage, known = setup.stage, "only-the-machine-knows-it"
    machine = System(setup.environ, stage.clock, random.Random(3), stage.wire)
    machine.redaction.add(known)
    stage.write(".raycml/logs/analytics/head.log", f"key={known}\n".encode())
    common = CommonOptions(Screen(machine, plain=True, verbose=False), False, None)
    with open_probe(common, None, read_only=True) as probe:
        write(reserve(Path("support.tar.gz")), probe, examine(probe))
    packed = dict(unpacked(Path("support.tar.gz")))
    assert packed[f"logs/{stage.project}/analytics/head.log"] == "key=[redacted]\n"


def test_an_unreachable_cml_still_gives_an_archive(setup: Setup) -> None:
    faults.no_network(setup)
    assert setup.examine("--bundle", "support.tar.gz").code == Exit.UNEXPECTED
    found = dict(unpacked(Path("support.tar.gz")))
    assert json.loads(found["doctor.json"])["summary"]["bad"] == 1
    assert json.loads(found["applications.json"]) == {}


def test_an_interpreter_on_this_pods_disk_may_be_a_link(setup: Setup, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".venv" / "bin").mkdir(parents=True)
    (home / ".venv" / "bin" / "python").symlink_to(os.path.realpath("/bin/sh"))
    setup.environ |= {
        "HOME": str(home),
        "CDSW_PROJECT_ID": setup.stage.project,
        "CDSW_ENGINE_ID": "abcdefgh12345678",
    }
    said = {f["name"]: f for f in setup.results()}
    assert said["python"]["result"] == "good"
    assert said["files"]["message"] == "a test file was written, replaced atomically and removed"
    (home / ".venv" / "bin" / "python").unlink()
    assert {f["name"]: f for f in setup.results()}["python"]["result"] == "bad"


def test_launchers_of_known_age_leak_after_an_hour(setup: Setup, tmp_path: Path) -> None:
    home = tmp_path / "home"
    old = home / ".raycml" / "launchers" / "gone" / "head-0-0.py"
    old.parent.mkdir(parents=True)
    old.write_text("pass\n")
    moment = setup.stage.clock.now().timestamp()
    setup.environ |= {
        "HOME": str(home),
        "CDSW_PROJECT_ID": setup.stage.project,
        "CDSW_ENGINE_ID": "abcdefgh12345678",
    }
    os.utime(old, (moment - 3500, moment - 3500))
    assert {f["name"]: f for f in setup.results()}["launchers"]["result"] == "good"
    os.utime(old, (moment - 3700, moment - 3700))
    assert {f["name"]: f for f in setup.results()}["launchers"]["result"] == "warning"
