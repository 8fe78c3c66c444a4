"""Admits calls by the policies that match them, and shows callers their own limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol, TypeAlias

from lambdas.domain.api_keys import ApiKey
from lambdas.domain.bedrock_calls import (
    LIMITS_UNAVAILABLE,
    Admission,
    BedrockPath,
    CalledModels,
    CallNeed,
    GatewayCall,
    LimitState,
    NamedModels,
)
from lambdas.domain.bedrock_calls import Refusal as CallRefusal
from lambdas.domain.invocations import AskedCall, ServedCall, TokenCounts
from lambdas.domain.invocations.model import foundation_model_id
from lambdas.domain.limit_policies import (
    BUDGETS,
    UNKNOWN_TIER,
    AdmissionReport,
    CallFacts,
    CallNotCountableError,
    CallPricing,
    LimitReports,
    MarkReports,
    NearMark,
    NoSubjects,
    PoliciesUnavailableError,
    PolicyLimit,
    PolicySet,
    PolicySource,
    PolicySubject,
    PricesUnavailableError,
    SettlementReport,
    SubjectSource,
    SubjectsUnavailableError,
    TokenPrices,
    count_amounts,
    describe_limit,
    find_marks,
    find_own_subjects,
    find_refusals,
    find_subjects,
    measure_call,
    name_in_metrics,
    name_limit,
    refuse,
    refuse_tier,
    refuse_uncountable,
)
from lambdas.domain.limits import (
    MAX_CALL_SECONDS,
    NO_USE,
    Amounts,
    CallReservation,
    LimitStatus,
    LimitStore,
    LimitStoreError,
    LimitSubject,
    RecentEntries,
    Refusal,
    Settlement,
    SubjectState,
    check,
    to_moment,
    to_time,
)
from lambdas.domain.limits import Admission as LimitAdmission

MAX_OPEN_CALLS = 10_000
_SubjectLimit: TypeAlias = tuple[PolicySubject, PolicyLimit]
_UNAVAILABLE = (
    *(PoliciesUnavailableError, PricesUnavailableError),
    *(SubjectsUnavailableError, LimitStoreError),
)


class LimitAdmitter(Protocol):
    """Reserves what calls need of their subjects."""

    def admit(
        self,
        subjects: Sequence[LimitSubject],
        need: Amounts,
        at: datetime,
        attempt: tuple[str, str] | None = None,
    ) -> LimitAdmission:
        """Reserve what a call needs of each of its subjects, or refuse it."""

    def settle(self, reservation: CallReservation, used: Amounts, at: datetime) -> Settlement:
        """Replace what was reserved by what the call has used."""

    def give_back(self, reservation: CallReservation, at: datetime) -> Settlement:
        """Give back what was reserved for a call that Bedrock has not answered."""

    def set_aside(self, reservation: CallReservation) -> Settlement:
        """Note that a call has ended, and that the ledger will say what it has used."""


class _AskedFor(NamedTuple):
    """A call that is to be measured.

    Attributes:
        key: The caller's key.
        path: The operation and the model.
        need: The most that it can use.
        service_tier: The service tier that it asks for.
        invoked_model_id: The id or ARN that the caller named.
    """

    key: ApiKey
    path: BedrockPath
    need: CallNeed
    service_tier: str | None
    invoked_model_id: str | None


class _MeasuredCall(NamedTuple):
    """The subjects of a call, and what it needs of them."""

    policies: PolicySet
    need: Amounts
    pricing: CallPricing | None
    subjects: Sequence[PolicySubject]
    unchecked: Sequence[str]
    is_break_glass: bool


class _RefusedCall(NamedTuple):
    """A refusal before any subject is asked, and the policy that metrics name for it."""

    refusal: CallRefusal
    refused_by: str | None = None


class _OpenCall(NamedTuple):
    """A call that is not settled yet."""

    caller: str
    reservation: CallReservation
    need: Amounts
    model: str
    pricing: CallPricing | None


@dataclass(frozen=True, slots=True)
class PolicyAdmission:
    """Admits calls within the limits of the policies that match them.

    Attributes:
        policies: The policies in force.
        admitter: Reserves what calls need.
        prices: The prices of calls, for limits in US dollars.
        marks: Reports limits that are nearly used up.
        reports: Counts and logs what happens.
        others: Finds subjects beside those of policies.
    """

    policies: PolicySource
    admitter: LimitAdmitter
    prices: TokenPrices
    marks: MarkReports
    reports: LimitReports
    others: SubjectSource = field(default_factory=NoSubjects)
    _open: RecentEntries[str, _OpenCall] = field(
        default_factory=lambda: RecentEntries(timedelta(seconds=MAX_CALL_SECONDS), MAX_OPEN_CALLS),
        init=False,
    )

    def admit(self, call: GatewayCall, at: datetime) -> Admission:
        """Reserve what a call can use, or refuse it."""
        caller = call.key.session_name
        asked = _AskedFor(call.key, call.path, call.need, call.service_tier, call.invoked_model_id)
        measured = _measure(asked, self.policies, self.others, self.prices, at)
        if isinstance(measured, _RefusedCall):
            return self._refuse(caller, measured)
        subjects, need = measured.subjects, measured.need
        if not subjects:
            return Admission()
        attempt = None if call.attempt_id is None else (caller, call.attempt_id)
        result = self.admitter.admit([each.subject for each in subjects], need, at, attempt)
        if result.reservation is not None:
            model = foundation_model_id(call.path.model_id)
            opened = _OpenCall(caller, result.reservation, need, model, measured.pricing)
            self._open.add(result.reservation.id, opened, at)
        result = replace(result, unchecked=(*measured.unchecked, *result.unchecked))
        report = AdmissionReport(
            caller,
            need,
            is_break_glass=measured.is_break_glass,
            is_estimate=not call.need.is_certain,
        )
        return self._answer(report, measured.policies, subjects, result, at)

    def settle(
        self,
        reservation_id: str,
        used: TokenCounts,
        at: datetime,
        served: ServedCall | None = None,
    ) -> None:
        """Put what a call has used in place of what was reserved.

        One that this process does not know is settled later, by the invocation log. So is one whose
        answer lacks a count: it no longer runs, and what it has reserved stays so until then.
        """
        call = self._take(reservation_id, at)
        if call is None:
            return
        if used.output is None and call.need.output == 0:  # of an embedding
            used = used._replace(output=0)
        if used.input is None or used.output is None:
            self.admitter.set_aside(call.reservation)
        else:
            amounts = count_amounts(used, call.model, call.pricing, served)
            settled = self.admitter.settle(call.reservation, amounts, at)
            self._report_settled(call, amounts, settled)

    def give_back(self, reservation_id: str, at: datetime) -> None:
        """Release what was reserved for a call that has used nothing."""
        call = self._take(reservation_id, at)
        if call is not None:
            settled = self.admitter.give_back(call.reservation, at)
            self._report_settled(call, NO_USE, settled)

    def _take(self, reservation_id: str, at: datetime) -> _OpenCall | None:
        call = self._open.get(reservation_id, at)
        self._open.remove(reservation_id)
        return call

    def _answer(
        self,
        report: AdmissionReport,
        policies: PolicySet,
        subjects: Sequence[PolicySubject],
        result: LimitAdmission,
        at: datetime,
    ) -> Admission:
        by_id = {each.subject.id: each for each in subjects}
        statuses = {each.subject: each.statuses for each in result.decisions}
        limits = _describe(by_id, statuses, at)
        refusal = None
        if result.refusal is not None and not report.is_break_glass:
            refusal = refuse(result.refusal, by_id, statuses, at)
        reached = [
            mark
            for each in result.decisions
            for mark in find_marks(
                by_id[each.subject],
                each.statuses,
                NO_USE if each.entry is None else report.need,
                at,
            )
        ]
        if refusal is not None and not result.is_recent:
            for each in result.decisions:
                reached += find_refusals(by_id[each.subject], each.statuses, at)
        shadow, enforced = _list_refusals(by_id, statuses)
        passed = tuple(name_limit(each.policy, limit) for each, limit in enforced)
        reason = None if result.refusal is None else result.refusal.reason.value
        refuser = None if result.refusal is None else by_id[result.refusal.subject].policy.name
        self.reports.report_admission(
            report._replace(
                refusal=reason,
                policies=passed if refusal is None else refusal.violated_policies,
                shadow=tuple(name_limit(each.policy, limit) for each, limit in shadow),
                unchecked=result.unchecked,
                is_break_glass=report.is_break_glass and (reason is not None or bool(passed)),
                marks=self._report_marks(reached, at),
                left_open=len(result.left_open),
                is_repeat=result.refusal is not None and result.refusal.is_repeat,
                refused_by=None if refuser is None else name_in_metrics(policies, refuser),
                shadow_policies=tuple(
                    sorted({name_in_metrics(policies, each.policy.name) for each, _ in shadow})
                ),
            )
        )
        reservation_id = None if result.reservation is None else result.reservation.id
        return Admission(reservation_id, refusal, limits)

    def _refuse(self, caller: str, refused: _RefusedCall) -> Admission:
        self.reports.report_admission(
            AdmissionReport(caller, refusal=refused.refusal.reason, refused_by=refused.refused_by)
        )
        return Admission(refusal=refused.refusal)

    def _report_marks(self, reached: Sequence[NearMark], at: datetime) -> int:
        return self.marks.report(reached, at) if reached else 0

    def _report_settled(self, call: _OpenCall, used: Amounts, settled: Settlement) -> None:
        report = SettlementReport(call.caller, call.need, used, len(settled.left_open))
        self.reports.report_settlement(report)


class LimitAnswer(NamedTuple):
    """The limits of a caller, and whether a call would be admitted.

    Attributes:
        limits: The limits with their states.
        shadow: The names of those in shadow mode.
        refusal: Why the call would be refused; `None` if it would be admitted.
    """

    limits: Sequence[LimitState]
    shadow: Sequence[str] = ()
    refusal: CallRefusal | None = None


@dataclass(frozen=True, slots=True)
class LimitView:
    """Shows callers the limits of their own calls. It counts nothing.

    Attributes:
        policies: The policies in force.
        store: The states of subjects.
        prices: The prices of calls.
        models: Finds the models behind application inference profiles.
        others: Finds subjects beside those of policies.
    """

    policies: PolicySource
    store: LimitStore
    prices: TokenPrices
    models: CalledModels = field(default_factory=NamedModels)
    others: SubjectSource = field(default_factory=NoSubjects)

    def show(self, key: ApiKey, at: datetime) -> LimitAnswer:
        """Show the limits of all calls of a key. Those that count by model are left out."""
        try:
            policies = self.policies.get(at)
            is_break_glass = policies.is_break_glass(CallFacts.from_call(key))
            others = self.others.find(key, None, at, is_released=is_break_glass)
            subjects = (*find_own_subjects(policies, key), *others)
            statuses = self._check(subjects, NO_USE, at)
        except _UNAVAILABLE:
            return LimitAnswer((), refusal=LIMITS_UNAVAILABLE)
        by_id = {each.subject.id: each for each in subjects}
        return LimitAnswer(_describe(by_id, statuses, at), _list_shadow(subjects))

    def check(
        self,
        key: ApiKey,
        path: BedrockPath,
        need: CallNeed,
        at: datetime,
        service_tier: str | None = None,
    ) -> LimitAnswer:
        """Say if a call would be admitted now.

        Args:
            key: The caller's key.
            path: The operation and the model.
            need: The most that the call can use.
            at: The time.
            service_tier: The service tier that it asks for.
        """
        invoked_model_id = path.model_id
        path = path._replace(model_id=self.models.find(invoked_model_id, at))
        asked = _AskedFor(key, path, need, service_tier, invoked_model_id)
        measured = _measure(asked, self.policies, self.others, self.prices, at)
        if isinstance(measured, _RefusedCall):
            return LimitAnswer((), refusal=measured.refusal)
        subjects = measured.subjects
        try:
            statuses = self._check(subjects, measured.need, at)
        except LimitStoreError:
            return LimitAnswer((), refusal=LIMITS_UNAVAILABLE)
        by_id = {each.subject.id: each for each in subjects}
        refusals = [
            Refusal(subject, status.refusal, _to_time(status.retry_at))
            for subject, checked in statuses.items()
            for status in checked
            if status.refusal is not None and status.limit.is_enforced
        ]
        last = max(
            refusals, key=lambda each: (each.retry_at is None, each.retry_at or at), default=None
        )
        refusal = None if last is None else refuse(last, by_id, statuses, at)
        return LimitAnswer(_describe(by_id, statuses, at), _list_shadow(subjects), refusal)

    def _check(
        self, subjects: Sequence[PolicySubject], need: Amounts, at: datetime
    ) -> dict[str, Sequence[LimitStatus]]:
        return {
            each.subject.id: check(
                self.store.read(each.subject.id) or SubjectState(),
                each.subject,
                need,
                to_moment(at),
            )
            for each in subjects
        }


def _to_time(moment: int | None) -> datetime | None:
    return None if moment is None else to_time(moment)


def _measure(
    asked: _AskedFor,
    source: PolicySource,
    others: SubjectSource,
    prices: TokenPrices,
    at: datetime,
) -> _MeasuredCall | _RefusedCall:
    """Find the subjects of a call, and what it needs of them, or refuse it."""
    try:
        policies = source.get(at)
        is_break_glass = policies.is_break_glass(CallFacts.from_call(asked.key, asked.path))
        if not policies.knows_tier(asked.key.tier) and not is_break_glass:
            return _RefusedCall(refuse_tier(asked.key.tier or ""), UNKNOWN_TIER)
        found = _find_others(asked, others, at, is_break_glass=is_break_glass)
        subjects = (*find_subjects(policies, asked.key, asked.path), *found)
        named = AskedCall(
            asked.path.model_id, asked.path.operation.log_name, asked.service_tier, at
        )
        need, pricing, subjects, unchecked = measure_call(asked.need, named, subjects, prices)
    except CallNotCountableError as error:
        return _RefusedCall(refuse_uncountable(error), BUDGETS)
    except _UNAVAILABLE:
        return _RefusedCall(LIMITS_UNAVAILABLE)
    return _MeasuredCall(policies, need, pricing, subjects, unchecked, is_break_glass)


def _find_others(
    asked: _AskedFor, others: SubjectSource, at: datetime, *, is_break_glass: bool
) -> Sequence[PolicySubject]:
    """Find the subjects beside those of policies. Break-glass callers pass without them."""
    try:
        return others.find(
            asked.key,
            asked.path,
            at,
            is_released=is_break_glass,
            invoked_model_id=asked.invoked_model_id,
        )
    except SubjectsUnavailableError:
        if is_break_glass:
            return ()
        raise


def _describe(
    subjects: Mapping[str, PolicySubject],
    statuses: Mapping[str, Sequence[LimitStatus]],
    at: datetime,
) -> Sequence[LimitState]:
    return tuple(
        describe_limit(subjects[subject], limit, status, at)
        for subject, checked in statuses.items()
        for limit, status in zip(subjects[subject].policy.limits, checked, strict=True)
    )


def _list_shadow(subjects: Sequence[PolicySubject]) -> Sequence[str]:
    return tuple(
        name_limit(each.policy, limit)
        for each in subjects
        for limit, applied in zip(each.policy.limits, each.subject.limits, strict=True)
        if not applied.is_enforced
    )


def _list_refusals(
    subjects: Mapping[str, PolicySubject], statuses: Mapping[str, Sequence[LimitStatus]]
) -> tuple[list[_SubjectLimit], list[_SubjectLimit]]:
    """List the limits in shadow mode that do not admit a call, and the others.

    A policy decides on the mode of its limits: those of break-glass callers refuse no call.
    """
    shadow: list[_SubjectLimit] = []
    enforced: list[_SubjectLimit] = []
    for subject, checked in statuses.items():
        for limit, status in zip(subjects[subject].policy.limits, checked, strict=True):
            if status.refusal is not None:
                (enforced if limit.limit.is_enforced else shadow).append((subjects[subject], limit))
    return shadow, enforced
