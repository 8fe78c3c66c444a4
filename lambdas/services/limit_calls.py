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
    CallFacts,
    CallNotCountableError,
    CallPricing,
    MarkReports,
    NearMark,
    PoliciesUnavailableError,
    PolicyLimit,
    PolicySet,
    PolicySource,
    PolicySubject,
    PricesUnavailableError,
    SubjectsUnavailableError,
    TokenPrices,
    count_amounts,
    describe_limit,
    find_marks,
    find_own_subjects,
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


class SubjectSource(Protocol):
    """Finds subjects of calls beside those of policies, such as those of budgets."""

    def find(
        self,
        key: ApiKey,
        path: BedrockPath | None,
        at: datetime,
        *,
        is_released: bool,
        invoked_model_id: str | None = None,
    ) -> Sequence[PolicySubject]:
        """Find the subjects of a call.

        Args:
            key: The caller's key.
            path: The operation and the model; `None` for the subjects of all calls of the key.
            at: The time.
            is_released: True if its calls are counted and never refused.
            invoked_model_id: The id or ARN that the caller named, where the path may have another.

        Raises:
            SubjectsUnavailableError: They cannot be found, and were not found before.
            CallNotCountableError: An enforced limit counts by a label that is not known.
        """


class NoSubjects:
    """Finds none."""

    def find(
        self,
        key: ApiKey,  # noqa: ARG002  # the port's
        path: BedrockPath | None,  # noqa: ARG002  # the port's
        at: datetime,  # noqa: ARG002  # the port's
        *,
        is_released: bool,  # noqa: ARG002  # the port's
        invoked_model_id: str | None = None,  # noqa: ARG002  # the port's
    ) -> Sequence[PolicySubject]:
        """Find no subject."""
        return ()


class AdmissionReport(NamedTuple):
    """All that is worth counting or logging of an admission. It has nothing of the request.

    Attributes:
        caller: The caller.
        need: What was reserved, or would have been.
        refusal: The reason of a refusal.
        policies: The limits that have refused the call, or would have without break-glass.
        shadow: The limits in shadow mode that would have refused it.
        unchecked: The subjects whose limits could not be checked.
        is_break_glass: True if it was admitted although limits refuse it.
        marks: The number of marks that were reported.
        left_open: The parts that could not be given back after a refusal.
        is_estimate: True if a part of the need is an estimate, such as that of a document.
        is_repeat: True if the same call was refused a moment ago: its SDK tries again.
        refused_by: The policy that refuses the call longest, as metrics name it; `None` where no
            policy does.
        shadow_policies: The policies of limits in `shadow`, likewise.
    """

    caller: str
    need: Amounts = NO_USE
    refusal: str | None = None
    policies: Sequence[str] = ()
    shadow: Sequence[str] = ()
    unchecked: Sequence[str] = ()
    is_break_glass: bool = False
    marks: int = 0
    left_open: int = 0
    is_estimate: bool = False
    is_repeat: bool = False
    refused_by: str | None = None
    shadow_policies: Sequence[str] = ()


class SettlementReport(NamedTuple):
    """The settlement of a call.

    Attributes:
        caller: The caller.
        reserved: What was reserved.
        used: What was used; `NO_USE` for a call that was given back.
        left_open: The parts that were not settled, because the store failed.
    """

    caller: str
    reserved: Amounts
    used: Amounts
    left_open: int


class LimitReports(Protocol):
    """Counts and logs what happens at limits."""

    def report_admission(self, report: AdmissionReport) -> None:
        """Report an admission or a refusal."""

    def report_settlement(self, report: SettlementReport) -> None:
        """Report a settlement."""


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
        try:
            policies = self.policies.get(at)
            is_break_glass = policies.is_break_glass(CallFacts.from_call(call.key, call.path))
            if not policies.knows_tier(call.key.tier) and not is_break_glass:
                return self._refuse(caller, refuse_tier(call.key.tier or ""), UNKNOWN_TIER)
            others = self._find_others(call, at, is_break_glass=is_break_glass)
            subjects = (*find_subjects(policies, call.key, call.path), *others)
            asked = _name_call(call.path, call.service_tier, at)
            measured = measure_call(call.need, asked, subjects, self.prices)
        except CallNotCountableError as error:
            return self._refuse(caller, refuse_uncountable(error), BUDGETS)
        except _UNAVAILABLE:
            return self._refuse(caller, LIMITS_UNAVAILABLE)
        need, pricing, subjects, unchecked = measured
        if not subjects:
            return Admission()
        attempt = None if call.attempt_id is None else (caller, call.attempt_id)
        result = self.admitter.admit([each.subject for each in subjects], need, at, attempt)
        if result.reservation is not None:
            model = foundation_model_id(call.path.model_id)
            opened = _OpenCall(caller, result.reservation, need, model, pricing)
            self._open.add(result.reservation.id, opened, at)
        result = replace(result, unchecked=(*unchecked, *result.unchecked))
        report = AdmissionReport(
            caller,
            need,
            is_break_glass=is_break_glass,
            is_estimate=not call.need.is_certain,
        )
        return self._answer(report, policies, subjects, result, at)

    def settle(
        self,
        reservation_id: str,
        used: TokenCounts,
        at: datetime,
        served: ServedCall | None = None,
    ) -> None:
        """Put what a call has used in place of what was reserved.

        One that this process does not know is settled later, by the invocation log.
        """
        call = self._take(reservation_id, at)
        if call is not None:
            if used.output is None and call.need.output == 0:  # of an embedding
                used = used._replace(output=0)
            amounts = count_amounts(used, call.model, call.pricing, served)
            settled = self.admitter.settle(call.reservation, amounts, at)
            self._report_settled(call, amounts, settled)

    def give_back(self, reservation_id: str, at: datetime) -> None:
        """Release what was reserved for a call that has used nothing."""
        call = self._take(reservation_id, at)
        if call is not None:
            settled = self.admitter.give_back(call.reservation, at)
            self._report_settled(call, NO_USE, settled)

    def _find_others(
        self, call: GatewayCall, at: datetime, *, is_break_glass: bool
    ) -> Sequence[PolicySubject]:
        """Find the subjects beside those of policies. Break-glass callers pass without them."""
        try:
            return self.others.find(
                call.key,
                call.path,
                at,
                is_released=is_break_glass,
                invoked_model_id=call.invoked_model_id,
            )
        except SubjectsUnavailableError:
            if is_break_glass:
                return ()
            raise

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

    def _refuse(
        self, caller: str, refusal: CallRefusal, refused_by: str | None = None
    ) -> Admission:
        self.reports.report_admission(
            AdmissionReport(caller, refusal=refusal.reason, refused_by=refused_by)
        )
        return Admission(refusal=refusal)

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
        try:
            policies = self.policies.get(at)
            invoked_model_id = path.model_id
            path = path._replace(model_id=self.models.find(invoked_model_id, at))
            is_break_glass = policies.is_break_glass(CallFacts.from_call(key, path))
            if not policies.knows_tier(key.tier) and not is_break_glass:
                return LimitAnswer((), refusal=refuse_tier(key.tier or ""))
            others = self.others.find(
                key, path, at, is_released=is_break_glass, invoked_model_id=invoked_model_id
            )
            subjects = (*find_subjects(policies, key, path), *others)
            asked = _name_call(path, service_tier, at)
            amounts, _, subjects, _ = measure_call(need, asked, subjects, self.prices)
            statuses = self._check(subjects, amounts, at)
        except CallNotCountableError as error:
            return LimitAnswer((), refusal=refuse_uncountable(error))
        except _UNAVAILABLE:
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


def _name_call(path: BedrockPath, service_tier: str | None, at: datetime) -> AskedCall:
    return AskedCall(path.model_id, path.operation.log_name, service_tier, at)


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
