"""Writes notices to the function's log."""

from __future__ import annotations

from lambdas.domain.alerts import Notice
from lambdas.observability import logger


class LogNotifier:
    """Logs notices as warnings."""

    def publish(self, notice: Notice) -> None:
        """Log a notice."""
        logger.warning(notice.subject, text=notice.text, repeated=notice.is_repeated)
