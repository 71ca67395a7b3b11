"""The pages that people read."""

from typing import Any
from urllib.parse import quote

from flask import Flask, render_template, request

from controller.core.spec.suggestions import did_you_mean
from controller.core.spec.text import counted
from controller.core.status.snapshot import ControllerSnapshot
from controller.web.context import Context
from controller.web.origin import local_path
from controller.web.pages import views
from controller.web.pages.summary import WITHOUT_SPEC, Level, summarize
from controller.web.replies import RefusedError
from controller.web.request_checks import ENABLE

NOT_LOOKED = "No pass has ended well yet; nothing is known of any cluster."


def add_pages(app: Flask, desk: Context) -> None:
    """Overview, cluster and sign-in, and what every template may use."""
    app.jinja_env.filters["utc"] = views.utc
    app.jinja_env.filters["iso"] = lambda at: at.isoformat()
    app.jinja_env.globals.update(
        condition_level=views.condition_level,
        event_level=views.event_level,
        Level=Level,
        counted=counted,
        without_spec=WITHOUT_SPEC,
        version=desk.options.version,
        refresh_s=desk.options.refresh_s,
        lines_shown=views.LINES_SHOWN,
    )
    app.context_processor(lambda: _everywhere(desk))
    app.add_url_rule("/", "overview", lambda: _overview(desk))
    app.add_url_rule("/clusters/<name>", "cluster", lambda name: _cluster(desk, name))
    app.add_url_rule("/sign-in", "sign_in", lambda: sign_in_page(""), methods=["GET"])


def _everywhere(desk: Context) -> dict[str, Any]:
    cookie, now = desk.cookie(), desk.clock.now()
    return {
        "now": now,
        "ago": lambda at: views.ago(at, now),
        "enabled": desk.access.configured,
        "signed_in": bool(cookie),
        "mark": desk.access.mark(cookie),
        "mark_of_nobody": desk.access.mark(""),
        "enable": ENABLE,
    }


def _overview(desk: Context) -> str:
    board = desk.board()
    return render_template(
        "overview.html",
        board=board,
        verdict=_verdict(desk, board),
        clusters=views.cluster_views(board),
        events=views.events(board),
        note=_note(desk),
        here="/",
    )


def _verdict(desk: Context, board: ControllerSnapshot) -> object:
    return summarize(board, desk.clock.now(), desk.watch, desk.is_approved)


def _note(desk: Context) -> object:
    key = request.args.get("note", "")
    return desk.notes.take(key) if key and request.method == "GET" else None


def _cluster(desk: Context, name: str) -> str:
    board = desk.board()
    known = () if board.status is None else board.status.clusters
    cluster = next((c for c in known if c.name == name), None)
    if cluster is None:
        raise unknown_cluster(name, board)
    return render_template(
        "cluster.html",
        board=board,
        verdict=_verdict(desk, board),
        view=views.cluster_view(board, cluster),
        members=views.member_views(board, cluster),
        connection=views.connection(board, cluster),
        behind=views.behind(cluster),
        footing=views.footing(board, name),
        plot=views.cluster_plot(board, name),
        events=views.events(board, name),
        note=_note(desk),
        here=page_of(name),
    )


def page_of(name: str) -> str:
    return f"/clusters/{quote(name, safe='')}"


def unknown_cluster(name: str, board: ControllerSnapshot) -> RefusedError:
    if board.status is None:
        return RefusedError(404, "NoSuchCluster", NOT_LOOKED)
    known = [c.name for c in board.status.clusters]
    said = did_you_mean(name, known) or f"there are: {', '.join(known[:20]) or 'none'}"
    return RefusedError(404, "NoSuchCluster", f"There is no cluster `{name[:60]}`; {said}")


def sign_in_page(fault: str) -> str:
    wanted = local_path(request.values.get("next", "/"))
    return render_template("sign_in.html", fault=fault, next=wanted, here="/sign-in")
