"""Keeps the states of limits that have refused a call, for the answers to the next ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from lambdas.domain.limit_policies.subjects import PolicySubject
from lambdas.domain.limits import LimitStatus, RecentEntries, Refusal

_MAX_AGE = timedelta(seconds=2)  # longer than a subject is refused without asking the store
_MAX_SUBJECTS = 1000
_Statuses: TypeAlias = Mapping[str, Sequence[LimitStatus]]


@dataclass(frozen=True, slots=True)
class RefusedStatuses:
    """The states of subjects at their last refusals.

    A call that is refused without asking the store has no states of its own.
    """

    _recent: RecentEntries[str, Sequence[LimitStatus]] = field(
        default_factory=lambda: RecentEntries(_MAX_AGE, _MAX_SUBJECTS), init=False
    )

    def complete(
        self,
        statuses: _Statuses,
        refusal: Refusal | None,
        subjects: Mapping[str, PolicySubject],
        at: datetime,
    ) -> _Statuses:
        """Complete the states that a call shows.

        Args:
            statuses: The states by subject, as the store had them for this call.
            refusal: The refusal of the call; `None` if it was admitted.
            subjects: The subjects of the call by id.
            at: The time.

        Returns:
            The same, and for a refusal from memory those of subjects that were refused a moment
            ago, if their limits are the same.
        """
        if refusal is None:
            return statuses
        if not refusal.is_from_memory:
            for subject, checked in statuses.items():
                self._recent.add(subject, checked, at)
            return statuses
        found = {subject: self._recent.get(subject, at) or () for subject in subjects}
        same = {
            subject: checked
            for subject, checked in found.items()
            if [each.limit for each in checked] == [*subjects[subject].subject.limits]
        }
        return {**same, **statuses}
