"""What people read: all of it is there, escaped, in order, and well formed."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest

from controller.core.model.approval import Held
from controller.core.model.observed import Pause
from controller.core.model.plan import Plan, Violation
from controller.core.model.reasons import Reason
from controller.core.status.events import Event, Kind
from controller.core.status.snapshot import ControllerSnapshot, LoopState, SourceState
from controller.core.status.status import Condition, MemberStatus
from tests.web import boards
from tests.web.pages import LANDMARKS, TOKEN, Page, StillClock, Web
from tests.worlds import NOW, at, named, observed

EVIL = """'><img src="x" onerror="alert(1)"><script>alert(1)"""
PATHS = ("/", "/clusters/training", "/clusters/fraud-scoring", "/sign-in", "/nothing-here")


def evil() -> ControllerSnapshot:
    """A board in which everything that comes from outside tries to be markup."""
    busy = boards.busy()
    assert busy.status is not None
    cluster = busy.status.clusters[0]
    condition = Condition("Stalled", "True", EVIL, EVIL, EVIL)
    member = MemberStatus(EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, Reason.DOWN, EVIL, NOW, EVIL, True)
    bad = replace(
        cluster,
        name=EVIL,
        project=EVIL,
        word=EVIL,
        groups={EVIL: (0, 1)},
        conditions=(condition,),
        members=(replace(cluster.members[0], application=EVIL), member),
    )
    return replace(
        busy,
        status=replace(busy.status, clusters=(bad,)),
        plan=Plan(refusals=(Violation(EVIL, EVIL, EVIL),)),
        source=SourceState(EVIL, EVIL, NOW, NOW, EVIL, (EVIL,), Held(EVIL, EVIL, EVIL, NOW)),
        loop=LoopState(failures=2, error=EVIL, holder=EVIL, ended_at=NOW),
        events=(Event(Kind.WARNING, EVIL, EVIL, EVIL, EVIL, last_at=NOW),),
        pauses={EVIL: Pause(EVIL, EVIL, EVIL, NOW)},
        urls={EVIL: "javascript:alert(1)"},
    )


BOARDS: dict[str, Callable[[], ControllerSnapshot]] = {
    "first": boards.first,
    "calm": boards.calm,
    "busy": boards.busy,
    "evil": evil,
}


@pytest.mark.parametrize("signed_in", [False, True])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", BOARDS)
def test_every_page_is_well_formed_and_has_its_landmarks(
    name: str, path: str, *, signed_in: bool
) -> None:
    web = Web(BOARDS[name]())
    if signed_in:
        web.sign_in()
    page = web.page(path)
    assert page.faults == []
    assert page.source.startswith("<!doctype html>")
    assert [len(page.all(tag)) for tag in LANDMARKS] == [1, 1, 1]
    assert len(page.all("h1")) == 1
    assert page.all("html", lang="en")
    assert page.all("a", href="#main")
    assert page.all("main", id="main")


@pytest.mark.parametrize("path", ["/", "/clusters/training"])
def test_tables_have_captions_and_headers_with_a_scope(path: str) -> None:
    page = Web(boards.busy()).page(path)
    assert page.all("table")
    assert len(page.all("caption")) == len(page.all("table"))
    assert all(cell.get("scope") in ("col", "row") for cell in page.all("th"))


@pytest.mark.parametrize("path", PATHS)
def test_every_label_is_in_place_and_every_reference_meets_an_id(path: str) -> None:
    web = Web(boards.busy())
    web.sign_in()
    page = web.page(path)
    ids = {a["id"] for _, a in page.tags if "id" in a}
    assert {a["aria-labelledby"] for _, a in page.tags if "aria-labelledby" in a} <= ids


@pytest.mark.parametrize("pauses", [True, False])
def test_nothing_from_outside_becomes_markup(*, pauses: bool) -> None:
    web = Web(evil() if pauses else replace(evil(), pauses={}))
    web.sign_in()
    for path in ("/", f"/clusters/{quote(EVIL)}", f"/clusters/x{quote(EVIL)}"):
        page = web.page(path)
        assert "onerror" in page.text, path
        assert not page.all("img")
        assert all(str(a.get("src")).startswith("/static/") for a in page.all("script"))
        assert not [key for _, a in page.tags for key in a if key.startswith("on")]
    assert page.faults == []


def test_an_address_that_is_not_of_the_web_is_no_link() -> None:
    web = Web(evil())
    addresses = (
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,x",
        " vbscript:x",
        "//x",
    )
    for address in addresses:
        status = web.snapshot.status
        assert status is not None
        head = status.clusters[0].members[0]
        web.snapshot = replace(web.snapshot, urls={head.application: address})
        links = web.page("/").links() + web.page("/clusters/training").links()
        assert not [link for link in links if address.strip() in link], address


def test_what_is_well_says_so_first() -> None:
    page = Web(boards.calm()).page("/")
    assert "All clusters healthy" in page.text
    assert "1 of 1 cluster, 3 of 3 members ready" in page.text
    assert page.all("p", role="status", **{"class": "verdict good"})
    assert not page.all("section", **{"class": "matter bad"})


def test_a_cluster_that_is_being_deleted_is_said_to_be() -> None:
    calm = boards.calm()
    assert calm.status is not None
    leaving = replace(calm.status.clusters[0], word="Deleting")
    page = Web(replace(calm, status=replace(calm.status, clusters=(leaving,)))).page("/")
    assert f"{leaving.name} is being deleted" in page.text
    assert "being reconciled" not in page.text


def test_before_the_first_pass_the_page_answers_and_says_so() -> None:
    web = Web(boards.first())
    assert web.client.get("/").status_code == 200
    assert "The first pass is running" in web.page("/").text
    answer = web.client.get("/clusters/analytics")
    assert answer.status_code == 404
    assert "the state of the clusters is unknown" in answer.get_data(as_text=True)


def test_the_overview_tells_of_each_cluster_what_it_is_and_what_it_waits_for() -> None:
    text = Web(boards.busy()).page("/").text
    for said in (
        "fraud-scoring needs attention (and 3 more alerts)",
        "1 of 4 clusters, 17 of 21 members ready, 1 suspended",
        "gpu/1 blocked: NameConflict: `ray-fraud-scoring-gpu-1` is application",
        "gpu/0 update and restart, later: RollingUpdate: waits its turn (maxUnavailable: 1)",
        "gpu/3 create: Missing: the member is not created yet",
        "Paused by anna 90 min ago: moving the data, ask Anna before you touch it. Ends in 2 h.",
        "head 1/1cpu 2/2gpu 1/3",
        "every member is stopped and kept",
    ):
        assert said in text, said


def test_those_that_need_somebody_come_first() -> None:
    page = Web(boards.busy()).page("/")
    shown = re.findall(r'<h3><a href="/clusters/([^"]+)"', page.source)
    assert shown == ["fraud-scoring", "research", "analytics", "nightly-batch", "training"]


def test_a_long_plan_is_cut_and_the_rest_is_a_link() -> None:
    busy = boards.busy()
    waits = busy.plan.of("training").waits
    web = Web(replace(busy, plan=Plan(waits=waits * 3)))
    page = web.page("/")
    assert "and 5 more" in page.text
    assert "/clusters/training#plan" in page.links()
    assert web.page("/clusters/training").source.count('<span class="mark" aria-hidden') == 9


def test_the_overview_tells_of_the_source_and_of_a_revision_that_waits() -> None:
    page = Web(boards.busy()).page("/")
    for said in (
        "https://git.example.com/platform/ray-clusters.git (main, specs/)",
        "4f2c1d9a8b7e, in force since 2 h ago",
        "Last read20 s ago",
        "Revision 9e8d7c6b5a4f needs approval",
        "PruneLimit: it removes 3 of 5 clusters: analytics, fraud-scoring, training",
        "To approve it, run: raycml approve 9e8d7c6b5a4f. Received 15 min ago.",
        "1 problem in the specs",
        "specs/search.yaml:14:7: spec.headGroupSpec.resources.memory",
    ):
        assert said in page.text, said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"failures": 3, "error": "CML cannot be reached"}, "The last 3 passes failed"),
        ({"failures": 3, "error": "CML cannot be reached"}, "CML cannot be reached"),
        ({"failures": 1, "error": "x"}, "The last pass failed"),
        ({"holder": "raycml on pod-7", "leads": False}, "raycml on pod-7 holds the lease"),
        ({"started_at": at(-900), "ended_at": at(-905)}, "No pass has started or ended for 15m00s"),
    ],
)
def test_a_loop_that_does_not_go_well_is_said_at_the_top(
    change: dict[str, object], said: str
) -> None:
    calm = boards.calm()
    board = replace(calm, loop=replace(calm.loop, **change))
    web = Web(board, stall_s=600.0, clock=StillClock(at(-3600)))
    web.clock.forward(3600)
    assert said in web.page("/").text


def test_a_source_that_fails_is_said_and_what_is_in_force_stays() -> None:
    calm = boards.calm()
    source = replace(calm.source, failure="the remote hung up")
    text = Web(replace(calm, source=source)).page("/").text
    assert "The source cannot be read" in text
    assert "The remote hung up" in text
    assert "The current revision stays in force." in text


def test_a_plan_that_was_refused_is_said_with_the_law() -> None:
    web = Web(
        replace(
            boards.calm(), plan=Plan(refusals=(Violation("one", "only our own is changed", "x"),))
        )
    )
    assert "The controller refused its own plan" in web.page("/").text
    assert "One: only our own is changed: x" in web.page("/").text


def test_events_have_their_age_and_their_moment() -> None:
    page = Web(boards.busy()).page("/")
    for said in ("4 min ago", "NameConflict", "fraud-scoring gpu/1", "7 since 60 min ago"):
        assert said in page.text, said
    moments = page.all("time", datetime="2026-03-01T11:55:40+00:00")
    assert [a.get("title") for a in moments] == ["2026-03-01 11:55:40 UTC"]


def test_a_cluster_has_its_members_conditions_plan_and_ways_in() -> None:
    page = Web(boards.busy()).page("/clusters/fraud-scoring")
    for said in (
        "Plan: 1 blocked, 1 pending.",
        "gpu/2 ray-fraud-scoring-gpu-2 id-ray-fraud-scoring-gpu-2",
        "STARTING",
        "2 min ago",
        "CML is starting it",
        "Stalled",
        "NodesMissing",
        "4 of 6 nodes are alive",
        "10.0.0.1:6379 (Ray 2.60.0, Python 3.11.9)",
        "ray job submit --address https://ray-fraud-scoring-head.",
        "aaaa-bbbb-cccc-dddd",
    ):
        assert said in page.text, said
    assert f"https://ray-fraud-scoring-cpu-0.{boards.DOMAIN}/" in page.links()
    assert "training" not in page.text


def test_a_cluster_whose_launchers_are_behind_says_how_to_bring_them_up() -> None:
    busy = boards.busy()
    assert busy.status is not None
    found = busy.status.cluster("analytics")
    assert found is not None
    members = tuple(replace(m, edition_behind=m.member == "cpu/1") for m in found.members)
    status = replace(busy.status, clusters=(replace(found, members=members),))
    text = Web(replace(busy, status=status)).page("/clusters/analytics").text
    assert "Outdated launchers: cpu/1." in text


def test_a_cluster_of_an_old_ray_says_what_that_cannot_do() -> None:
    old = named("analytics", rayVersion="2.44.1")
    page = Web(boards.board(*boards.status_of(old, world=observed()))).page("/clusters/analytics")
    assert "Ray 2.44.1: it does not drain a node that is stopped" in page.text
    assert "does not drain" not in Web(boards.busy()).page("/clusters/analytics").text


def test_a_cluster_without_a_running_head_has_no_dashboard_and_no_way_in() -> None:
    page = Web(boards.busy()).page("/clusters/nightly-batch")
    assert "Ray dashboard" not in page.text
    assert "ray job submit" not in page.text


def test_the_timeline_is_drawn_and_said_in_words() -> None:
    page = Web(boards.busy()).page("/clusters/fraud-scoring")
    (drawing,) = page.all("svg")
    assert drawing["role"] == "img"
    assert drawing["aria-label"] == (
        "Over the last 6h00m: 4 of 6 members are ready now; the fewest were 0 of 5, at 06:00 UTC."
    )
    assert page.text.count("the fewest were 0 of 5") == 1


def test_an_unknown_cluster_is_a_page_in_the_same_look_that_helps_on() -> None:
    answer = Web(boards.busy()).client.get("/clusters/trainin")
    page = Page(answer.get_data(as_text=True))
    assert answer.status_code == 404
    assert "No cluster `trainin`; did you mean `training`?" in page.text
    assert page.all("link", rel="stylesheet")
    assert "/" in page.links()


def test_an_unknown_address_is_a_page_in_the_same_look() -> None:
    answer = Web(boards.calm()).client.get("/nothing/here")
    assert answer.status_code == 404
    assert Page(answer.get_data(as_text=True)).all("link", rel="stylesheet")


def test_a_wrong_method_is_refused_with_those_that_are_right() -> None:
    answer = Web(boards.calm()).client.delete("/")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]


@pytest.mark.parametrize(
    "path", ["/", "/clusters/analytics", "/healthz", "/metrics", "/api/v1/plan"]
)
def test_head_is_get_without_a_body(path: str) -> None:
    client = Web(boards.calm()).client
    head, get = client.head(path), client.get(path)
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Type"] == get.headers["Content-Type"]
    length = int(head.headers["Content-Length"])
    # The gauges of the living process may change, and with them the length, between two answers.
    assert length == len(get.data) if path != "/metrics" else length > 1000


@pytest.mark.parametrize("path", [*PATHS, "/healthz", "/api/v1/status", "/metrics"])
def test_every_answer_keeps_strangers_out(path: str) -> None:
    headers = Web(boards.calm()).client.get(path).headers
    assert headers["Content-Security-Policy"] == (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    )
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", PATHS)
def test_no_page_has_style_script_or_address_that_the_policy_would_block(path: str) -> None:
    page = Web(boards.busy()).page(path)
    assert not [a for _, a in page.tags if "style" in a]
    assert not page.all("style")
    loaded = page.all("script") + page.all("img") + page.all("iframe")
    assert all(str(a.get("src")).startswith("/static/") for a in loaded)
    sheets = [str(a.get("href")) for a in page.all("link")]
    assert all(href.startswith(("/static/", "data:image/svg+xml,")) for href in sheets)


def test_static_files_have_names_that_change_with_them() -> None:
    web = Web(boards.calm())
    page = web.page("/")
    for href in (page.all("link", rel="stylesheet")[0]["href"], page.all("script")[0]["src"]):
        assert href is not None
        answer = web.client.get(href)
        assert answer.status_code == 200
        assert "max-age" in answer.headers["Cache-Control"]
        assert re.search(r"\?v=[0-9a-f]{12}$", href)
    assert web.client.get("/static/app.py").status_code == 404


def test_without_scripts_the_page_reloads_itself_but_never_under_a_form() -> None:
    web = Web(boards.busy())
    assert 'http-equiv="refresh"' in web.page("/").source
    assert 'http-equiv="refresh"' in web.page("/clusters/training").source
    web.sign_in()
    assert 'http-equiv="refresh"' not in web.page("/clusters/training").source


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8100", 200),
        ("127.0.0.1:8100", 200),
        ("10.1.2.3", 200),
        ("[::1]:8100", 200),
        ("ray.cml.localhost:9", 200),
        ("raycml.cml.example.com", 200),
        ("RAYCML.CML.EXAMPLE.COM:443", 200),
        ("cml.example.com.attacker.net", 421),
        ("evilcml.example.com", 421),
        ("attacker.net", 421),
        ("127.0.0.1.attacker.net", 421),
        ("localhost@attacker.net", 421),
    ],
)
def test_only_names_that_are_ours_are_answered(host: str, status: int) -> None:
    client = Web(boards.calm()).client
    assert client.get("/clusters/analytics", headers={"Host": host}).status_code == status
    assert client.get("/api/v1/status", headers={"Host": host}).status_code == status


def test_under_a_strange_name_the_first_page_is_alive_and_tells_nothing() -> None:
    client = Web(boards.busy()).client
    answer = client.get("/", headers={"Host": "attacker.net"})
    assert answer.status_code == 200
    assert "training" not in answer.get_data(as_text=True)
    assert client.get("/healthz", headers={"Host": "attacker.net"}).status_code == 200
    assert client.post("/", headers={"Host": "attacker.net"}).status_code == 421


def test_what_breaks_inside_is_told_to_the_log_and_not_to_the_reader() -> None:
    heard: list[Exception] = []
    web = Web(boards.calm(), on_error=heard.append)
    web.snapshot = None  # type: ignore[assignment]  # a fault of ours
    answer = web.client.get("/")
    assert answer.status_code == 500
    assert "NoneType" not in answer.get_data(as_text=True)
    assert [type(error) for error in heard] == [AttributeError]


def test_no_page_holds_the_token_or_the_secret_of_the_hook() -> None:
    web = Web(boards.busy())
    web.sign_in()
    for path in (*PATHS, "/api/v1/openapi.json", "/metrics", "/healthz"):
        text = web.client.get(path).get_data(as_text=True)
        assert TOKEN not in text
        assert web.hook_secret not in text


# The style sheet.

SHEET = Path(__file__).parents[2] / "controller" / "web" / "static" / "page.css"
PAIRS = [
    *[(tone, f"{tone}-tint") for tone in ("good", "note", "busy", "warn", "bad")],
    *[(tone, ground) for tone in ("text", "dim", "link") for ground in ("ground", "sheet")],
    *[(tone, "sheet") for tone in ("good", "note", "busy", "warn", "bad")],
    ("busy", "ground"),
    ("button-text", "button"),
]


@pytest.mark.parametrize("scheme", [0, 1])
@pytest.mark.parametrize(("front", "back"), PAIRS)
def test_every_text_has_the_contrast_that_tired_eyes_need(
    front: str, back: str, scheme: int
) -> None:
    blocks = re.findall(r":root \{(.*?)\}", SHEET.read_text(), re.DOTALL)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", blocks[scheme]))
    assert _contrast(colours[front], colours[back]) >= 4.5


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_a_pause_that_has_run_out_is_not_shown() -> None:
    busy = boards.busy()
    over = replace(boards.PAUSE, until=NOW - timedelta(seconds=1))
    assert "Paused by anna" not in Web(replace(busy, pauses={"research": over})).page("/").text


def test_a_page_says_of_when_its_facts_are_not_when_it_was_drawn() -> None:
    web = Web(boards.calm())
    web.clock.forward(600)
    assert "Updated 2026-03-01 12:00:00 UTC" in web.page("/").text
    assert "Last pass10 min ago" in web.page("/").text


def test_a_first_pass_that_failed_is_not_told_as_one_that_is_under_way() -> None:
    first = boards.first()
    loop = replace(first.loop, failures=2, error="the API key is wrong")
    text = Web(replace(first, loop=loop)).page("/").text
    assert "The API key is wrong" in text
    assert "No pass has succeeded yet, so the state of the clusters is unknown." in text
    assert "The first pass is running" not in text
    assert "The state below" not in text


@pytest.mark.parametrize("word", ["Leaving", "Orphan", "Deleting"])
def test_a_cluster_without_a_spec_shows_its_applications_and_no_count_of_none(word: str) -> None:
    board = boards.calm()
    assert board.status is not None
    first = board.status.clusters[0]
    gone = replace(first, word=word, desired=0, ready=0, groups={})
    web = Web(replace(board, status=replace(board.status, clusters=(gone,))))
    many = f"{len(first.members)} applications"
    for path in ("/", f"/clusters/{first.name}"):
        text = web.page(path).text
        assert many in text
        assert "scaled to zero" not in text
        assert "0/0" not in text
        assert "0 of 0 clusters, 0 of 0 members ready, 1 without a spec" in text
