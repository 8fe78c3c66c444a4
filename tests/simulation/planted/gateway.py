"""Bugs in how the gateway reserves and settles."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from lambdas.domain.bedrock_calls import (
    BedrockAnswer,
    BedrockAnswerLostError,
    BedrockNotReachedError,
    BedrockRequest,
)
from lambdas.domain.limit_policies import Policy, PolicySet, PolicySource
from lambdas.domain.limits import NO_USE, Admission, Amounts, LimitSubject
from lambdas.services.limit_calls import PolicyAdmission
from lambdas.services.relay_call import CallRelay
from tests.simulation.planted.clients import ChangedClient
from tests.simulation.planted.plant import Plant

_TOTAL = re.compile(r"#\d+ <= ")
_ENTRY = re.compile(r"attribute_exists\(#\d+\.#\d+\)")
_EQUAL = re.compile(r"#\d+ = ")


class _LeavesOut(ChangedClient):
    """Leaves some conditions of updates out."""

    def __init__(self, client: Any, is_left_out: Callable[[str, str], bool]) -> None:
        super().__init__(client)
        self._is_left_out = is_left_out

    def update_item(self, **request: Any) -> Any:
        conditions, update = request["ConditionExpression"], request["UpdateExpression"]
        kept = [
            condition
            for condition in conditions.split(" AND ")
            if not self._is_left_out(condition, update)
        ]
        return self.client.update_item(**request | {"ConditionExpression": " AND ".join(kept)})


class _ChangedClient(Plant):
    def change_client(self, function: str, client: Any) -> Any:
        return _LeavesOut(client, self.is_left_out) if function == "gateway" else client

    def is_left_out(self, condition: str, update: str) -> bool:
        raise NotImplementedError


class SettlesTwice(_ChangedClient):
    """A settlement whose answer was lost is made again."""

    def is_left_out(self, condition: str, update: str) -> bool:
        return not update.startswith("SET") and _ENTRY.fullmatch(condition) is not None


class LosesRolls(_ChangedClient):
    """A slot is begun whatever another gateway has written meanwhile."""

    def is_left_out(self, condition: str, update: str) -> bool:
        is_roll = update.count("= :") > 2  # the clock, the revision and the reservation at least
        return is_roll and bool(_EQUAL.match(condition) or _TOTAL.match(condition))


class _ChangedRelay(Plant):
    def change_service(self, function: str, service: Any) -> Any:
        is_relay = function == "gateway" and isinstance(service, CallRelay)
        return self.change_relay(service) if is_relay else service

    def change_relay(self, relay: CallRelay) -> CallRelay:
        raise NotImplementedError


class _DoubledPolicies:
    def __init__(self, policies: PolicySource) -> None:
        self._policies = policies

    def get(self, now: datetime) -> PolicySet:
        policies = self._policies.get(now)
        return replace(policies, policies=tuple(map(self._double, policies.policies)))

    def _double(self, policy: Policy) -> Policy:
        doubled = [
            replace(each, limit=replace(each.limit, amount=2 * each.limit.amount))
            for each in policy.limits
        ]
        return replace(policy, limits=tuple(doubled))


class AllowsTwiceTheLimit(_ChangedRelay):
    """Windows have up to twice their limit, as those of token buckets do."""

    def change_relay(self, relay: CallRelay) -> CallRelay:
        assert isinstance(relay.admission, PolicyAdmission)
        policies = _DoubledPolicies(relay.admission.policies)
        return replace(relay, admission=replace(relay.admission, policies=policies))


class _StoresAttempts:
    def __init__(self, admitter: Any, admitted: dict[Any, Admission]) -> None:
        self._admitter, self._admitted = admitter, admitted

    def __getattr__(self, name: str) -> Any:
        return getattr(self._admitter, name)

    def admit(
        self,
        subjects: Sequence[LimitSubject],
        need: Amounts,
        at: datetime,
        attempt: tuple[str, str] | None = None,
    ) -> Admission:
        if attempt not in self._admitted:
            admission: Admission = self._admitter.admit(subjects, need, at, attempt)
            if admission.refusal is not None:
                return admission
            self._admitted[attempt] = admission
        return self._admitted[attempt]


class AdmitsRepeatsForFree(_ChangedRelay):
    """The repeat of an admitted attempt is taken for the same call."""

    def __init__(self) -> None:
        self._admitted: dict[Any, Admission] = {}

    def change_relay(self, relay: CallRelay) -> CallRelay:
        assert isinstance(relay.admission, PolicyAdmission)
        admitter: Any = _StoresAttempts(relay.admission.admitter, self._admitted)
        return replace(relay, admission=replace(relay.admission, admitter=admitter))


class _TakesLostForNotReached:
    def __init__(self, bedrock: Any) -> None:
        self._bedrock = bedrock

    def send(self, request: BedrockRequest) -> BedrockAnswer:
        try:
            answer: BedrockAnswer = self._bedrock.send(request)
        except BedrockAnswerLostError as error:
            raise BedrockNotReachedError from error
        return answer


class GivesBackLostAnswers(_ChangedRelay):
    """A call without an answer is given back, although Bedrock may have made it."""

    def change_relay(self, relay: CallRelay) -> CallRelay:
        return replace(relay, bedrock=_TakesLostForNotReached(relay.bedrock))


class _SettlesAfterGivingBack:
    def __init__(self, admission: Any) -> None:
        self._admission = admission

    def __getattr__(self, name: str) -> Any:
        return getattr(self._admission, name)

    def settle(self, reservation_id: str, used: Any, at: datetime, served: Any = None) -> None:
        open_calls = self._admission._open  # noqa: SLF001  # a bug within it
        opened = open_calls.get(reservation_id, at)
        self._admission.give_back(reservation_id, at)
        open_calls.add(reservation_id, opened, at)
        self._admission.settle(reservation_id, used, at, served)


class SettlesAfterGivingBack(_ChangedRelay):
    """A call is given back first and settled then, which changes nothing any more."""

    def change_relay(self, relay: CallRelay) -> CallRelay:
        admission: Any = _SettlesAfterGivingBack(relay.admission)
        return replace(relay, admission=admission)


class LeavesOpen(Plant):
    """The settler leaves alone what the ledger does not have."""

    def change_service(self, function: str, service: Any) -> Any:
        if function != "gateway" or isinstance(service, CallRelay):
            return service
        return replace(service, store=_OnlyReads(service.store))


class _OnlyReads:
    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def settle(self, reservation: Any, used: Any, at: datetime) -> bool:
        return used != NO_USE and bool(self._store.settle(reservation, used, at))
