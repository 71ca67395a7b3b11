"""Pages: overview, cluster, sign-in."""

from typing import Any
from urllib.parse import quote

from flask import Flask, render_template, request

from controller.core.spec.text import counted
from controller.core.status.events import Kind
from controller.core.status.plan_text import footer
from controller.core.status.snapshot import ControllerSnapshot
from controller.core.status.text import no_cluster
from controller.web.context import Context
from controller.web.origin import local_path, web_address
from controller.web.pages import views
from controller.web.pages.summary import WITHOUT_SPEC, Level, summarize
from controller.web.pages.timeline import plot
from controller.web.replies import RefusedError
from controller.web.request_checks import ENABLE

NOT_LOOKED = "No pass has succeeded yet, so the state of the clusters is unknown."


def add_pages(app: Flask, context: Context) -> None:
    """Add the pages, and the functions for templates."""
    app.jinja_env.filters["utc"] = views.utc
    app.jinja_env.filters["iso"] = lambda at: at.isoformat()
    app.jinja_env.filters["web_address"] = web_address
    app.jinja_env.globals.update(
        condition_level=views.condition_level,
        member_level=views.member_level,
        Level=Level,
        Kind=Kind,
        counted=counted,
        without_spec=WITHOUT_SPEC,
        version=context.options.version,
        refresh_s=context.options.refresh_s,
        lines_shown=views.LINES_SHOWN,
    )
    app.context_processor(lambda: _everywhere(context))
    app.add_url_rule("/", "overview", lambda: _overview(context))
    app.add_url_rule("/clusters/<name>", "cluster", lambda name: _cluster(context, name))
    app.add_url_rule("/sign-in", "sign_in", lambda: sign_in_page(""), methods=["GET"])


def _everywhere(context: Context) -> dict[str, Any]:
    cookie, now = context.cookie(), context.clock.now()
    return {
        "now": now,
        "ago": lambda at: views.ago(at, now),
        "enabled": context.access.configured,
        "signed_in": bool(cookie),
        "mark": context.access.mark(cookie),
        "mark_of_nobody": context.access.mark(""),
        "enable": ENABLE,
    }


def _overview(context: Context) -> str:
    snapshot = context.snapshot()
    return _page(
        context,
        "overview.html",
        snapshot,
        clusters=views.cluster_views(snapshot),
        events=views.events(snapshot),
        here="/",
    )


def _cluster(context: Context, name: str) -> str:
    snapshot = context.snapshot()
    cluster = None if snapshot.status is None else snapshot.status.cluster(name)
    if cluster is None:
        raise unknown_cluster(name, snapshot)
    return _page(
        context,
        "cluster.html",
        snapshot,
        view=views.cluster_view(snapshot, cluster),
        connection=views.connection(snapshot, cluster),
        footing=footer(snapshot.plan.of(name)),
        plot=plot(snapshot.timelines.get(name, ()), snapshot.as_of),
        events=views.events(snapshot, name),
        here=page_of(name),
    )


def _page(context: Context, template: str, snapshot: ControllerSnapshot, **values: object) -> str:
    """A page with the summary, and the result of the action that led to it."""
    key = request.args.get("note", "")
    return render_template(
        template,
        snapshot=snapshot,
        verdict=summarize(snapshot, context.clock.now(), context.watch, context.is_approved),
        flash=context.messages.take(key) if key and request.method == "GET" else None,
        **values,
    )


def page_of(name: str) -> str:
    return f"/clusters/{quote(name, safe='')}"


def unknown_cluster(name: str, snapshot: ControllerSnapshot) -> RefusedError:
    if snapshot.status is None:
        return RefusedError(404, "NoSuchCluster", NOT_LOOKED)
    names = [c.name for c in snapshot.status.clusters]
    return RefusedError(404, "NoSuchCluster", no_cluster(name, names, "No cluster"))


def sign_in_page(fault: str) -> str:
    target = local_path(request.values.get("next", "/"))
    return render_template("sign_in.html", fault=fault, next=target, here="/sign-in")
