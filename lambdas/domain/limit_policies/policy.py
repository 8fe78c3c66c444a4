"""Policies: which calls are limited, what they are counted by, and the limits."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import NamedTuple

from lambdas.domain.api_keys import ApiKey
from lambdas.domain.bedrock_calls import BedrockPath
from lambdas.domain.invocations.model import foundation_model_id, is_foundation_model
from lambdas.domain.limit_policies.limit_words import write_window
from lambdas.domain.limits import MAX_COUNTERS, CounterKey, FailMode, Limit, LimitSubject

MAX_WAIT_MS = 120_000
"""The longest time for which answers ask callers to wait, unless a policy says otherwise."""
HIDDEN_MODELS = "hidden"
"""The value by which policies count calls of models that are not known before the call."""


class Partition(StrEnum):
    """A property of calls that a policy can count by: each value has the limits for itself."""

    CALLER = "caller"
    KEY = "key"
    PROJECT = "project"
    MODEL = "model"
    TIER = "tier"


class WhenOut(StrEnum):
    """Refusals of a policy."""

    THROTTLE = "throttle"
    """Status 429: AWS's SDKs wait and try again."""
    REFUSE = "refuse"
    """Status 400: they do not."""


class CallFacts(NamedTuple):
    """The properties of a call that policies match and count by; `None` for one without it.

    Attributes:
        caller: The name of its sessions, which is the caller in Bedrock's log.
        key: The prefix of its key.
        project: The project of the key.
        tier: The tier of the key.
        model: The foundation model, or the profile or the like that hides it.
        operation: The operation, as invocation logs name it.
    """

    caller: str
    key: str
    project: str | None
    tier: str | None
    model: str | None = None
    operation: str | None = None

    @classmethod
    def from_call(cls, key: ApiKey, path: BedrockPath | None = None) -> CallFacts:
        """Read the properties of a call, or without a path those of all calls of a key."""
        model = None if path is None else foundation_model_id(path.model_id)
        operation = None if path is None else path.operation.log_name
        return cls(key.session_name, key.prefix, key.project, key.tier, model, operation)

    def get(self, partition: Partition) -> str | None:
        """Get the value of a property. All models that are hidden have one value in common.

        A model can be hidden in many ways, and each of them would have the limits for itself.
        """
        value: str | None = getattr(self, partition.value)
        is_hidden = partition is Partition.MODEL and value is not None
        return HIDDEN_MODELS if is_hidden and not is_foundation_model(str(value)) else value


@dataclass(frozen=True, slots=True)
class PolicyMatch:
    """The calls of a policy: those that meet all conditions. An empty one is met by every call.

    Attributes:
        caller: Patterns of callers, in which `*` stands for any text.
        key: The prefixes of keys.
        tier: Tiers.
        project: Patterns of projects.
        model: Patterns of foundation models. A model that is hidden, by an application inference
            profile for example, meets each: it may be the one that is meant.
        operation: Operations.
    """

    caller: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    tier: tuple[str, ...] = ()
    project: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    operation: tuple[str, ...] = ()

    def matches(self, call: CallFacts) -> bool:
        """Say if a call meets all conditions."""
        return self.matches_key(call) and (
            _is_in(call.operation, self.operation) and self._matches_model(call.model)
        )

    def matches_key(self, call: CallFacts) -> bool:
        """Say if a call meets the conditions that are the same for all calls of its key."""
        return (
            _fits(call.caller, self.caller)
            and _is_in(call.key, self.key)
            and _is_in(call.tier, self.tier)
            and _fits(call.project, self.project)
        )

    def _matches_model(self, model: str | None) -> bool:
        is_hidden = model is not None and not is_foundation_model(model)
        return is_hidden or _fits(model, self.model)


def _is_in(value: str | None, names: Collection[str]) -> bool:
    return not names or value in names


def _fits(value: str | None, patterns: Collection[str]) -> bool:
    if not patterns:
        return True
    return value is not None and any(fnmatchcase(value, pattern) for pattern in patterns)


@dataclass(frozen=True, slots=True)
class PolicyLimit:
    """A limit of a policy.

    Attributes:
        limit: The limit.
        near: The percentages of its amount that are reported when they are reached, in order.
    """

    limit: Limit
    near: tuple[int, ...] = ()

    @property
    def label(self) -> str:
        """A short name of the unit and the window, which other limits of a policy do not have."""
        key = self.limit.key
        return self.limit.unit.value if key is None else f"{key.unit}/{key.window.code}"


_NO_MATCH = PolicyMatch()


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy.

    Attributes:
        name: Its name. Policies of one name and the same partition count together, so that a
            caller with keys of two tiers does not get the limits of both.
        limits: The limits.
        match: The calls that it limits.
        partition_by: The properties that it counts by; all calls share the limits if empty.
        when_out: How calls are refused; `None` to decide by the time until one would be admitted.
        fail: What happens to its calls while the store of limits fails.
    """

    name: str
    limits: tuple[PolicyLimit, ...]
    match: PolicyMatch = _NO_MATCH
    partition_by: tuple[Partition, ...] = ()
    when_out: WhenOut | None = None
    fail: FailMode = FailMode.CLOSED

    def __post_init__(self) -> None:
        """Refuse more counters than a subject can have, and a limit that is given twice.

        Raises:
            ValueError: The text names the field.
        """
        LimitSubject(self.name, tuple(each.limit for each in self.limits))
        counted = [f"{each.limit.unit}{write_window(each.limit.window)}" for each in self.limits]
        if twice := sorted({limit for limit in counted if counted.count(limit) > 1}):
            message = f"limits: {', '.join(twice)} is given twice; write each once"
            raise ValueError(message)

    def says_wait(self, wait_ms: int) -> bool:
        """Say if the answer to a refused call asks the caller to try again after a while.

        Without a setting, that depends on the while: AWS's SDKs give up long before an hour ends.
        """
        if self.when_out is None:
            return wait_ms <= MAX_WAIT_MS
        return self.when_out is WhenOut.THROTTLE


@dataclass(frozen=True, slots=True)
class Tier:
    """A tier: policies for the keys that have its name.

    Attributes:
        policies: Its policies. One takes the place of that of the same name which it inherits.
        extends: The tier whose policies it inherits.
    """

    policies: tuple[Policy, ...] = ()
    extends: str | None = None


class _SharedCount(NamedTuple):
    """The name and the partition by which policies count together."""

    name: str
    partition_by: tuple[Partition, ...]

    @classmethod
    def of(cls, policy: Policy) -> _SharedCount:
        return cls(policy.name, tuple(sorted(policy.partition_by)))


@dataclass(frozen=True, slots=True)
class PolicySet:
    """All policies.

    Attributes:
        policies: Those for keys of every tier.
        tiers: The tiers by name.
        break_glass: Patterns of callers whose calls are counted and never refused.
    """

    policies: tuple[Policy, ...] = ()
    tiers: Mapping[str, Tier] = field(default_factory=dict)
    break_glass: tuple[str, ...] = ()
    _counters: Mapping[_SharedCount, tuple[CounterKey, ...]] = field(
        init=False, compare=False, repr=False
    )

    def __post_init__(self) -> None:
        """Refuse tiers that are not there or inherit in a circle, and names that are given twice.

        Also refused are policies that count together, and have more counters than one subject can.

        Raises:
            ValueError: The text names the field and says what to do.
        """
        _refuse_twice("policies", self.policies)
        own = {policy.name for policy in self.policies}
        for name, tier in self.tiers.items():
            _refuse_twice(f"tiers.{name}.policies", tier.policies)
            for _ in self._list_line(name):
                pass
            if taken := sorted(own & {policy.name for policy in tier.policies}):
                message = (
                    f"tiers.{name}.policies: {taken[0]} is the name of a policy of all tiers; give"
                    " it another one"
                )
                raise ValueError(message)
        object.__setattr__(self, "_counters", self._share_counters())

    def list_counters(self, policy: Policy) -> tuple[CounterKey, ...]:
        """List the counters of all policies that count together with a policy.

        A call is counted by each of them: else a caller with keys of two tiers would have what the
        limits of both allow.
        """
        return self._counters[_SharedCount.of(policy)]

    def list_restarted(self, before: PolicySet) -> Sequence[str]:
        """List the policies that start at zero, although policies before had their names.

        Their unit, window or partition is new. Amounts and modes change nothing that is counted.
        """
        names = {count.name for count in before._counters}
        restarted = (
            count.name
            for count, keys in self._counters.items()
            if not set(keys) <= set(before._counters.get(count, ()))
        )
        return [*dict.fromkeys(name for name in restarted if name in names)]

    def _share_counters(self) -> Mapping[_SharedCount, tuple[CounterKey, ...]]:
        shared: dict[_SharedCount, dict[CounterKey, None]] = {}
        named = [("policies", self.policies)]
        named += [(f"tiers.{name}.policies", tier.policies) for name, tier in self.tiers.items()]
        for field_name, policies in named:
            for policy in policies:
                keys = shared.setdefault(_SharedCount.of(policy), {})
                keys |= {each.limit.key: None for each in policy.limits if each.limit.key}
                if len(keys) > MAX_COUNTERS:
                    message = (
                        f"{field_name}: policies with the name {policy.name} count together, and"
                        f" have more than {MAX_COUNTERS} units and windows"
                    )
                    raise ValueError(message)
        return {count: tuple(keys) for count, keys in shared.items()}

    def list_policies(self, tier: str | None) -> Sequence[Policy]:
        """List the policies for keys of a tier, with those that it inherits."""
        named: dict[str, Policy] = {policy.name: policy for policy in self.policies}
        if tier is not None and tier in self.tiers:
            for each in reversed([*self._list_line(tier)]):
                named |= {policy.name: policy for policy in each.policies}
        return tuple(named.values())

    def list_names(self) -> Sequence[str]:
        """List the names of all policies, those of tiers last, each once."""
        of_tiers = (policy for tier in self.tiers.values() for policy in tier.policies)
        return [*dict.fromkeys(policy.name for policy in (*self.policies, *of_tiers))]

    def knows_tier(self, tier: str | None) -> bool:
        """Say if a policy has a tier. A key of an unknown one would be without limits by mistake.

        Where no policy has any tier, tiers are names without a meaning.
        """
        return tier is None or tier in (named := self._list_tiers()) or not named

    @property
    def has_tiers(self) -> bool:
        """True if policies have tiers."""
        return bool(self._list_tiers())

    def _list_tiers(self) -> Collection[str]:
        return {*self.tiers, *(name for policy in self.policies for name in policy.match.tier)}

    def is_break_glass(self, call: CallFacts) -> bool:
        """Say if calls of a caller are never refused."""
        return bool(self.break_glass) and _fits(call.caller, self.break_glass)

    def list_naming(self, caller: str) -> Iterator[str]:
        """List the policies, and `break_glass`, that name a caller or match the name.

        A pattern of `*` alone names no one. Policies of tiers are listed as TIER/NAME.
        """
        named = {policy.name: policy for policy in self.policies}
        for name, tier in self.tiers.items():
            named |= {f"{name}/{policy.name}": policy for policy in tier.policies}
        patterns = {name: policy.match.caller for name, policy in named.items()}
        for name, callers in {**patterns, "break_glass": self.break_glass}.items():
            if any(fnmatchcase(caller, pattern) for pattern in callers if pattern.strip("*")):
                yield name

    def _list_line(self, name: str) -> Iterator[Tier]:
        """List a tier, the one that it inherits from, and so on."""
        seen: list[str] = []
        current: str | None = name
        while current is not None:
            if current not in self.tiers:
                message = f"tiers.{seen[-1]}.extends: there is no tier {current}"
                raise ValueError(message)
            if current in seen:
                message = f"tiers.{name}.extends: {' > '.join([*seen, current])} is a circle"
                raise ValueError(message)
            seen.append(current)
            tier = self.tiers[current]
            yield tier
            current = tier.extends


def _refuse_twice(field_name: str, policies: Sequence[Policy]) -> None:
    names = [policy.name for policy in policies]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        message = f"{field_name}: the name {twice[0]} is given twice"
        raise ValueError(message)
