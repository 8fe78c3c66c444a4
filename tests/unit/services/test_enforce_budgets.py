"""Counters of the gateway follow the usage of budgets."""

from dataclasses import replace
from datetime import timedelta

from lambdas.domain.budgets import (
    BrakeMode,
    Budget,
    BudgetAmount,
    BudgetScope,
    BudgetSubject,
    BudgetUnit,
    find_gateway_subject,
)
from lambdas.domain.budgets.accumulators import accumulate
from lambdas.domain.counters import Chunk, PriceEdition, Sums, UsageChange, begin_counting
from lambdas.domain.limits import LimitMode, LimitStoreError, LimitSubject, RefusalReason
from lambdas.services.admit_call import CallAdmitter
from lambdas.services.enforce_budgets import BudgetEnforcer, EnforcedBudgets
from tests.budget_store import InMemoryBudgetStore
from tests.builders import ANA, BEN, NOON
from tests.counters import InMemoryCounters
from tests.limits import InMemoryLimits, make_admitter, tokens
from tests.unit.budgets.builders import budget, change, stored, usage

TEAM = budget("team", amount=BudgetAmount(BudgetUnit.TOTAL_TOKENS, 1000), gateway=LimitMode.ENFORCE)
EACH = budget(
    "each",
    amount=BudgetAmount(BudgetUnit.TOTAL_TOKENS, 300),
    gateway=LimitMode.ENFORCE,
    per=BudgetSubject.IDENTITY,
)


class Governed:
    """A meter whose gateway enforces budgets."""

    def __init__(self, *made: Budget) -> None:
        self.budgets = InMemoryBudgetStore([stored(each) for each in made])
        self.sums, self.limits, self.counted = InMemoryCounters(), InMemoryLimits(), 0
        self.sums.state = begin_counting(PriceEdition("shipped"), "stack", NOON, None)
        self.admitter: CallAdmitter = make_admitter(self.limits)

    def count(self, total: int, identity_arn: str = ANA) -> None:
        self.counted += 1
        used: UsageChange = change(totals=usage(total_tokens=total), identity_arn=identity_arn)
        sums = accumulate([used], list(self.budgets.read()))
        added = Sums(accumulators={key.counter_key: totals for key, totals in sums.items()})
        self.sums.commit(Chunk(1, "shard", self.counted, self.counted, added, (), NOON))

    def enforce(self) -> EnforcedBudgets:
        return BudgetEnforcer(self.budgets, self.sums, self.limits).enforce(NOON)

    def call(self, need: int, name: str = "team", value: str = "") -> RefusalReason | None:
        subject = find_gateway_subject(self.budgets.read().budgets[name], value)
        assert subject is not None
        admission = self.admitter.admit([subject], tokens(need), NOON + timedelta(minutes=1))
        return None if admission.refusal is None else admission.refusal.reason


def test_usage_around_the_gateway_counts_at_the_gateway() -> None:
    meter = Governed(TEAM)
    meter.count(900)
    result = meter.enforce()
    assert (result.subjects, result.raised, result.failures) == (1, 1, {})
    assert meter.call(101) is RefusalReason.LIMIT_REACHED
    assert meter.call(100) is None


def test_a_repeated_run_changes_nothing() -> None:
    meter = Governed(TEAM)
    meter.count(900)
    meter.enforce()
    assert meter.enforce().raised == 0


def test_each_value_of_a_default_budget_has_a_counter() -> None:
    meter = Governed(EACH)
    meter.count(290)
    meter.count(10, identity_arn=BEN)
    assert meter.enforce().subjects == 2
    assert meter.call(100, "each", ANA) is RefusalReason.LIMIT_REACHED
    assert meter.call(100, "each", BEN) is None


def test_a_budget_of_a_project_counts_what_was_counted_of_the_project() -> None:
    chat = replace(TEAM, scope=BudgetScope(project=("chat",)))
    other = replace(TEAM, name="other", scope=BudgetScope(project=("search",)))
    meter = Governed(chat, other)
    meter.count(900)
    meter.enforce()
    assert meter.call(101) is RefusalReason.LIMIT_REACHED
    assert meter.call(1000, "other") is None


def test_budgets_that_the_gateway_does_not_limit_by_are_left_out() -> None:
    denying = budget("denying", brake=BrakeMode.DENY, per=BudgetSubject.IDENTITY)
    meter = Governed(budget("quiet"), denying)
    meter.count(900)
    assert meter.enforce() == EnforcedBudgets()


def test_nothing_is_raised_before_counting_begins() -> None:
    meter = Governed(TEAM)
    meter.sums.state = None
    assert meter.enforce() == EnforcedBudgets()


class OneFails(InMemoryLimits):
    """A store that fails for the first budget."""

    def raise_counter(self, subject: LimitSubject, *arguments: object) -> bool:
        if subject.id.startswith("budget#each"):
            message = "the store is down"
            raise LimitStoreError(message)
        return super().raise_counter(subject, *arguments)  # type: ignore[arg-type]


def test_a_budget_that_fails_stops_no_other_one() -> None:
    meter = Governed(EACH, TEAM)
    meter.limits = OneFails()
    meter.count(900)
    result = meter.enforce()
    assert result.failures.keys() == {"each"}
    assert result.raised == 1
