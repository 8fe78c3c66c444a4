"""Finds the models behind application inference profiles in memory first."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from threading import Lock

from lambdas.adapters.bounded_entries import add_bounded
from lambdas.domain.attribution.ports import ProfiledModelSource, TagsUnavailableError
from lambdas.domain.attribution.tags import ProfiledModel, profile_arn

MISS_AGE = timedelta(minutes=1)
"""The time for which a profile that was not found is not looked for again."""
MAX_MISSES = 20
"""The look-ups without a result in that time. Callers can name any number of profiles, and the
account shares a quota of the requests that ask Bedrock."""
MAX_KNOWN = 10_000


class CachedModels:
    """Finds models in sources, one after the other.

    A profile's model never changes, so it is looked for once. A profile whose model is not found
    stays what it is: hidden.
    """

    def __init__(
        self,
        sources: Sequence[ProfiledModelSource],
        profiles_arn: str,
        report: Callable[[str, str], None],
    ) -> None:
        """Find models in sources.

        Args:
            sources: The sources, the first one first.
            profiles_arn: The beginning of the ARNs of the profiles that they can know.
            report: Reports that a model was not found: the profile and the reason.
        """
        self._sources = sources
        self._profiles_arn = profiles_arn
        self._report = report
        self._known: dict[str, str] = {}
        self._missed: dict[str, datetime] = {}
        self._misses: deque[datetime] = deque(maxlen=MAX_MISSES)
        self._lock = Lock()

    def find(self, invoked_model_id: str, now: datetime) -> str:
        """Find what a call reaches, see `CalledModels`."""
        arn = profile_arn(invoked_model_id)
        if arn is None or not arn.startswith(self._profiles_arn):
            return invoked_model_id
        known = self._known.get(arn)
        if known is not None:
            return known
        missed_at = self._missed.get(arn)
        if missed_at is not None and now - missed_at < MISS_AGE:
            return invoked_model_id
        if len(self._misses) == MAX_MISSES and now - self._misses[0] < MISS_AGE:
            return invoked_model_id
        model, reason = self._look_up(arn)
        with self._lock:
            self._missed.pop(arn, None)
            if model is not None:
                add_bounded(self._known, arn, model.invoked_model_id, MAX_KNOWN)
                return model.invoked_model_id
            add_bounded(self._missed, arn, now, MAX_MISSES)
            self._misses.append(now)
        self._report(arn, reason)
        return invoked_model_id

    def _look_up(self, arn: str) -> tuple[ProfiledModel | None, str]:
        reasons: list[str] = []
        for source in self._sources:
            try:
                model = source.get_model(arn)
            except TagsUnavailableError as error:
                reasons.append(str(error))
                continue
            if model is not None:
                return model, ""
        return None, "; ".join(reasons) or "no such profile, or one of several models"
