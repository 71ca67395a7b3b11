"""A head that a person opens to everybody, while the controller runs."""

from controlled import controlled
from stage import Stage


def test_a_head_that_is_opened_is_closed_again_and_goes_on_running(stage: Stage) -> None:
    stage.spec("one", replicas=1)
    with controlled(stage, stage.folder / "specs") as control:
        control.settle()
        apps = stage.workspace.state.applications.values()
        head = next(a for a in apps if a.subdomain == "ray-one-head")
        engine = head.engine_id
        stage.workspace.applications.patch(head, {"bypass_authentication": True}, stage.clock.now())
        plan = stage.run("plan")
        assert "require sign-in" in plan.out
        assert "PublicAccess" in plan.out
        stage.wire.calls.clear()
        control.settle()
        assert not head.bypass_authentication
        assert head.engine_id == engine
        writes = [(m, p.rsplit("/", 1)[-1]) for m, p in stage.wire.calls if m == "PATCH"]
        assert writes == [("PATCH", head.id)]
        status = stage.run("status", "one")
        assert "open without a sign-in" not in status.out
