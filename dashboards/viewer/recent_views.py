"""Views whose figures are read once a minute: CloudWatch bills each metric that is read."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock

from dashboards.viewer.dashboard_session import DashboardSession, View

KEPT_SECONDS = 60
"""CloudWatch has new values once a minute."""


class RecentViews:
    """Views of figures that are at most a minute old, for several threads."""

    def __init__(
        self, session: DashboardSession, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """View a source.

        Args:
            session: The views.
            clock: Returns the time in seconds.
        """
        self._session = session
        self._clock = clock
        self._lock = Lock()
        self._recent = session.memoize()
        self._since = clock()

    def view(self, dashboard: str, choice: str, chosen_range: str) -> View:
        """The widgets of a dashboard, see `DashboardSession.view`.

        Raises:
            NoSuchViewError: There is no such dashboard, choice or range.
        """
        with self._lock:  # two threads would ask for the same figures
            if self._clock() - self._since >= KEPT_SECONDS:
                self._recent, self._since = self._session.memoize(), self._clock()
            return self._recent.view(dashboard, choice, chosen_range)
