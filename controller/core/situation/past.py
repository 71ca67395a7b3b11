"""History, policy and the present time, as rules read them."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.core.model.history import ApplicationHistory, History, MemberHistory
from controller.core.model.member import Key
from controller.core.model.observed import ObservedApplication
from controller.core.model.policy import Policy


@dataclass(frozen=True, slots=True)
class Past:
    """History, policy and the moment."""

    history: History
    policy: Policy
    now: datetime

    def member(self, key: Key) -> MemberHistory:
        return self.history.member(key)

    def application(self, app: ObservedApplication) -> ApplicationHistory:
        """History of an application; that of a new one starts now."""
        return self.history.applications.get(app.id) or ApplicationHistory(app.phase, self.now)

    def deadline(self, since: datetime, seconds: float) -> datetime | None:
        """The time so many seconds later; None once it has passed."""
        end = since + timedelta(seconds=seconds)
        return end if self.now < end else None
