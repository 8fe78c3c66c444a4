"""Calls are admitted by the policies that match them, and callers see their own limits alone."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from lambdas.domain.api_keys import ApiKey, create_key
from lambdas.domain.bedrock_calls import BedrockOperation, BedrockPath, CallNeed, GatewayCall
from lambdas.domain.invocations import AskedCall, ServedCall, TokenCounts
from lambdas.domain.limit_policies import (
    CallNotCountableError,
    NearMark,
    PolicySubject,
    PricesUnavailableError,
    SubjectsUnavailableError,
    adopt_subject,
)
from lambdas.domain.limits import Amounts, CounterKey, LimitSubject, LimitUnit, RollingWindow
from lambdas.services.limit_calls import LimitView, PolicyAdmission
from lambdas.services.settle_calls import OpenCall, OpenCallSettler
from tests.builders import NOON
from tests.gateway import KEY, MODEL
from tests.limits import FailingLimits, InMemoryLimits, InMemoryRecords, limit, make_admitter
from tests.policies import (
    PER_MINUTE,
    PRICES,
    FixedPolicies,
    InMemoryMarks,
    RecordedReports,
    call,
    make_admission,
    path,
    policy,
    read,
)

SECOND = timedelta(seconds=1)
ANA = "tokens|caller=ana@example.com"
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/p24qm5pye2qr"
_, BEN = create_key(bytes(32), "ben", NOON)
TOTAL = CounterKey(LimitUnit.TOTAL, RollingWindow(60))


class Gateway:
    """Admission by some policies, and everything behind it."""

    def __init__(self, *policies: dict[str, Any], store: Any = None, **others: Any) -> None:
        self.store: Any = InMemoryLimits() if store is None else store
        self.admission: PolicyAdmission = make_admission(
            read(*policies, **others), make_admitter(self.store)
        )
        self.view = LimitView(self.admission.policies, self.store, PRICES)

    @property
    def reports(self) -> RecordedReports:
        assert isinstance(self.admission.reports, RecordedReports)
        return self.admission.reports

    @property
    def marks(self) -> list[str]:
        assert isinstance(self.admission.marks, InMemoryMarks)
        return [f"{mark.limit} {mark.percent}" for mark in self.admission.marks.reported.values()]

    def get_marks(self, *, is_forgotten: bool = False) -> list[NearMark]:
        assert isinstance(self.admission.marks, InMemoryMarks)
        found = [*self.admission.marks.reported.values()]
        if is_forgotten:
            self.admission.marks.reported.clear()
        return found

    def get_used(self, subject: str = ANA) -> list[int]:
        state = self.store.states[subject]
        return [sum(slots.values()) for slots in state.counters.values()]


def test_a_call_without_a_policy_needs_no_reservation() -> None:
    gateway = Gateway(policy(match={"caller": "ben"}))
    assert gateway.admission.admit(call(), NOON) == (None, None, ())
    assert gateway.store.counts == {}


def test_a_call_reserves_its_need_and_is_settled_by_its_use() -> None:
    gateway = Gateway(policy())
    admitted = gateway.admission.admit(call(), NOON)
    assert admitted.refusal is None
    (limit,) = admitted.limits
    assert limit[:4] == ("tokens", 1000, 900, 60)
    assert limit.partition == "ana@example.com"
    assert admitted.reservation_id is not None
    gateway.admission.settle(admitted.reservation_id, TokenCounts(5, 25), NOON)
    assert gateway.get_used()[0] == 30
    (settled,) = gateway.reports.settlements
    assert (settled.reserved.total, settled.used.total, settled.left_open) == (100, 30, 0)


def test_a_call_that_was_not_answered_gives_everything_back() -> None:
    gateway = Gateway(policy())
    admitted = gateway.admission.admit(call(), NOON)
    assert admitted.reservation_id is not None
    gateway.admission.give_back(admitted.reservation_id, NOON)
    gateway.admission.give_back(admitted.reservation_id, NOON)
    gateway.admission.settle("of another process", TokenCounts(5, 25), NOON)
    assert gateway.get_used()[0] == 0
    assert gateway.store.counts["settle"] == 1


@pytest.mark.parametrize(
    "used", [TokenCounts(5, None), TokenCounts(None, 1), TokenCounts(), TokenCounts(cache_read=5)]
)
def test_a_call_whose_answer_lacks_a_count_is_settled_by_the_ledger(used: TokenCounts) -> None:
    gateway = Gateway(policy(limits=[PER_MINUTE, {"unit": "concurrent", "amount": 1}]))
    admitted = gateway.admission.admit(call(), NOON)
    assert admitted.reservation_id is not None
    assert gateway.admission.admit(call(), NOON).refusal is not None
    gateway.admission.settle(admitted.reservation_id, used, NOON)
    assert gateway.get_used()[0] == 100
    records = InMemoryRecords()
    settler = OpenCallSettler(gateway.store, records)
    assert settler.settle(NOON + SECOND).counts == {OpenCall.WAITING: 1}
    assert gateway.admission.admit(call(), NOON + SECOND).refusal is None  # the first runs no more
    records.uses[admitted.reservation_id] = Amounts(30, 30, 5, 25, 10**9)
    assert settler.settle(NOON + SECOND).counts == {OpenCall.BY_RECORD: 1}
    assert gateway.get_used()[0] == 130


def use(gateway: Gateway, tokens: int) -> None:
    """Make a call that has ended."""
    admitted = gateway.admission.admit(call(tokens, 0), NOON)
    assert admitted.reservation_id is not None
    gateway.admission.settle(admitted.reservation_id, TokenCounts(tokens, 0), NOON)


def test_callers_wait_where_that_helps() -> None:
    gateway = Gateway(policy())
    use(gateway, 950)
    refused = gateway.admission.admit(call(), NOON + 3 * SECOND)
    assert refused.refusal is not None
    assert (refused.refusal.status, refused.refusal.code) == (429, "ThrottlingException")
    assert refused.refusal.retry_after_ms in range(50_000, 66_000)
    assert refused.refusal.violated_policies == ("tokens",)
    assert refused.refusal.message == (
        'The limit "tokens" is reached. There is room again in 62 s at the latest'
    )
    assert [limit.remaining for limit in refused.limits] == [50]
    (_, report) = gateway.reports.admissions
    assert (report.refusal, report.policies) == ("limit_reached", ("tokens",))


def test_a_refusal_from_memory_shows_and_names_what_the_first_one_did() -> None:
    gateway = Gateway(policy(limits=[PER_MINUTE, {"unit": "requests", "amount": 9, "per": "day"}]))
    gateway.admission.admit(call(900, 50), NOON)
    first = gateway.admission.admit(call(), NOON)
    asked = dict(gateway.store.counts)
    again = gateway.admission.admit(call(), NOON + SECOND / 2)
    assert gateway.store.counts == asked
    assert again.refusal is not None
    assert again.refusal.violated_policies == ("tokens/total/60",)
    assert [(limit.name, limit.remaining) for limit in again.limits] == [
        (limit.name, limit.remaining) for limit in first.limits
    ]
    assert len(again.limits) == 2


def test_a_refusal_from_memory_shows_no_limit_that_has_changed() -> None:
    gateway = Gateway(policy())
    gateway.admission.admit(call(900, 50), NOON)
    gateway.admission.admit(call(), NOON)
    assert isinstance(gateway.admission.policies, FixedPolicies)
    gateway.admission.policies.policies = read(policy(limits=[PER_MINUTE | {"amount": 999}]))
    again = gateway.admission.admit(call(), NOON + SECOND / 2)
    assert 1000 not in [limit.quota for limit in again.limits]


def test_a_long_wait_is_a_time() -> None:
    gateway = Gateway(policy(limits=[DAILY]))
    use(gateway, 950)
    refusal = gateway.admission.admit(call(), NOON).refusal
    assert refusal is not None
    midnight = f"{NOON + timedelta(days=1):%Y-%m-%d} 00:00 UTC"
    assert refusal.message.endswith(f"There is room again at {midnight} at the latest")


def test_callers_wait_shortly_for_calls_that_run() -> None:
    gateway = Gateway(policy())
    gateway.admission.admit(call(900, 50), NOON)
    refusal = gateway.admission.admit(call(), NOON + 3 * SECOND).refusal
    assert refusal is not None
    assert refusal.retry_after_ms == 5_000
    assert refusal.message == (
        'Calls that run have reserved what is left of the limit "tokens". There is room once they'
        " have ended, in 62 s at the latest. Try again in 5 s"
    )


def test_callers_wait_for_the_window_if_calls_that_run_have_not_all_of_it() -> None:
    gateway = Gateway(policy())
    use(gateway, 950)
    gateway.admission.admit(call(20, 20), NOON)
    refusal = gateway.admission.admit(call(51, 0), NOON + 3 * SECOND).refusal
    assert refusal is not None
    assert refusal.retry_after_ms in range(50_000, 66_000)


def test_an_answered_call_gives_no_request_back() -> None:
    gateway = Gateway(policy(limits=[{"unit": "requests", "amount": 1, "per": "60s"}]))
    gateway.admission.admit(call(), NOON)
    refusal = gateway.admission.admit(call(), NOON).refusal
    assert refusal is not None
    assert refusal.retry_after_ms in range(50_000, 66_000)


def test_callers_wait_for_calls_at_the_same_time() -> None:
    gateway = Gateway(policy(limits=[{"unit": "concurrent", "amount": 1}]))
    gateway.admission.admit(call(), NOON)
    refusal = gateway.admission.admit(call(), NOON).refusal
    assert refusal is not None
    assert refusal.message == (
        'The limit "tokens" is reached. There is room once a call has ended. Try again in 1 s'
    )


DAILY = {"unit": "total", "amount": 1000, "per": "day"}


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"limits": [DAILY]}, 400),
        ({"limits": [DAILY], "when_out": "throttle"}, 429),
        ({"when_out": "refuse"}, 400),
        ({"when_out": "throttle"}, 429),
    ],
)
def test_a_policy_says_if_callers_try_again(changes: dict[str, Any], status: int) -> None:
    gateway = Gateway(policy(**changes))
    use(gateway, 950)
    for _ in range(2):  # the second one is refused from memory
        refused = gateway.admission.admit(call(), NOON)
        assert refused.refusal is not None
        assert refused.refusal.status == status
        assert [limit.remaining for limit in refused.limits] == [50]


def test_a_call_above_the_whole_limit_has_to_need_less() -> None:
    refusal = Gateway(policy()).admission.admit(call(990, 11), NOON).refusal
    assert refusal is not None
    assert (refusal.status, refusal.code) == (400, "ServiceQuotaExceededException")
    assert refusal.message == (
        'The call may need 1,001 tokens, and the limit "tokens" allows 1,000 tokens per 60s. Set'
        " maxTokens, or lower it, or send a shorter prompt"
    )


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        (
            PER_MINUTE | {"unit": "input", "amount": 1},
            'tokens" allows 1 input token per 60s. Send a shorter prompt',
        ),
        (
            PER_MINUTE | {"unit": "output", "amount": 1, "per": "day"},
            'tokens" allows 1 output token per day UTC. Set maxTokens, or lower it',
        ),
        (
            {"unit": "requests", "amount": 0, "per": "day"},
            'The limit "tokens" allows no calls. Ask whoever runs the gateway',
        ),
        ({"unit": "concurrent", "amount": 0}, 'The limit "tokens" allows no calls.'),
        (PER_MINUTE | {"amount": 0}, 'The limit "tokens" allows no calls.'),
    ],
)
def test_a_call_that_never_fits_gets_advice_for_the_unit(
    limit: dict[str, Any], message: str
) -> None:
    gateway = Gateway(policy(limits=[limit]))
    refusal = gateway.admission.admit(call(100, 50), NOON).refusal
    assert refusal is not None
    assert message in refusal.message
    assert refusal.status == 400


def test_shadow_limits_never_refuse_and_are_shown_and_reported() -> None:
    gateway = Gateway(policy(limits=[PER_MINUTE | {"mode": "shadow", "amount": 50}]))
    admitted = gateway.admission.admit(call(), NOON)
    assert admitted.refusal is None
    assert [limit.quota for limit in admitted.limits] == [50]
    gateway.admission.admit(call(), NOON)
    assert gateway.reports.admissions[-1].shadow == ("tokens",)
    assert gateway.reports.admissions[-1].shadow_policies == ("tokens",)
    assert gateway.get_used()[0] == 200


def test_break_glass_is_counted_and_passes_every_limit() -> None:
    gateway = Gateway(policy(limits=[PER_MINUTE | {"amount": 1}]), break_glass=["ana@*"])
    admitted = gateway.admission.admit(call(), NOON)
    assert admitted.refusal is None
    assert gateway.get_used()[0] == 100
    (report,) = gateway.reports.admissions
    assert (report.is_break_glass, report.policies, report.shadow) == (True, ("tokens",), ())
    within = Gateway(policy(), break_glass=["ana@*"])
    within.admission.admit(call(), NOON)
    assert not within.reports.admissions[0].is_break_glass
    busy = Gateway(policy(), store=FailingLimits(ANA), break_glass=["ana@*"])
    assert busy.admission.admit(call(), NOON).refusal is None
    assert busy.reports.admissions[0].unchecked == (ANA,)


def test_break_glass_passes_also_what_no_item_can_count() -> None:
    gateway = Gateway(policy(), break_glass=["ana@*"])
    results = [gateway.admission.admit(call(), NOON) for _ in range(102)]
    assert [each.refusal for each in results] == [None] * 102
    assert len(gateway.store.states[ANA].open) == 100
    assert [each.unchecked for each in gateway.reports.admissions[99:]] == [(), (ANA,), (ANA,)]


def test_break_glass_is_counted_although_others_were_just_refused() -> None:
    shared = {"name": "tokens", "limits": [PER_MINUTE]}
    gateway = Gateway(shared, break_glass=["ana@*"])
    gateway.admission.admit(call(900, 50, key=BEN), NOON)
    assert gateway.admission.admit(call(key=BEN), NOON).refusal is not None
    admitted = gateway.admission.admit(call(), NOON + SECOND / 2)
    assert admitted.refusal is None
    assert admitted.reservation_id is not None
    assert gateway.store.states["tokens"].get_total(TOTAL) == 1050
    assert gateway.reports.admissions[-1].is_break_glass


FREE, GOLD = (replace(KEY, tier=tier) for tier in ("free", "gold"))


@pytest.mark.parametrize("keys", [(FREE, GOLD), (GOLD, FREE)])
def test_a_caller_with_keys_of_two_tiers_does_not_get_the_limits_of_both(
    keys: tuple[ApiKey, ApiKey],
) -> None:
    wider = policy(limits=[{"unit": "total", "amount": 2000, "per": "120s"}])
    tiers = {"free": {"policies": [policy()]}, "gold": {"policies": [wider]}}
    gateway, admitted = Gateway(tiers=tiers), 0
    for key in keys * 2:
        admitted += sum(
            gateway.admission.admit(call(key=key), NOON).refusal is None for _ in range(30)
        )
    assert admitted == 20


def test_a_caller_is_not_refused_by_the_limit_of_another_tier() -> None:
    wider = policy(limits=[PER_MINUTE | {"amount": 100_000}])
    tiers = {"free": {"policies": [policy()]}, "gold": {"policies": [wider]}}
    gateway = Gateway(tiers=tiers)
    gateway.admission.admit(call(900, 50, key=FREE), NOON)
    for _ in range(2):
        assert gateway.admission.admit(call(key=FREE), NOON).refusal is not None
        assert gateway.admission.admit(call(key=GOLD), NOON + SECOND / 2).refusal is None


def test_a_call_counts_in_dollars_if_another_tier_has_a_limit_in_them() -> None:
    tiers = {"free": {"policies": [policy()]}, "gold": {"policies": [policy(limits=[USD])]}}
    gateway = Gateway(tiers=tiers)
    assert gateway.admission.admit(call(key=FREE), NOON).refusal is None
    keys = {key.unit: key for key in gateway.store.states[ANA].counters}
    assert gateway.store.states[ANA].get_total(keys[LimitUnit.USD]) > 0


HIDDEN = (
    "arn:aws:bedrock:us-east-1:111122223333:default-prompt-router/anthropic.claude:1",
    "arn:aws:bedrock:us-west-2:111122223333:application-inference-profile/abc",
    "arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abc",
)


def test_models_that_are_hidden_have_a_limit_by_model_in_common() -> None:
    gateway = Gateway(policy(partition_by=["caller", "model"]))
    asked = [call(600, 0, path=path(model)) for model in (MODEL, *HIDDEN)]
    refused = [gateway.admission.admit(each, NOON).refusal is not None for each in asked]
    assert refused == [False, False, True, True]


def test_a_key_of_an_unknown_tier_is_not_without_limits() -> None:
    gateway = Gateway(tiers={"gold": {"policies": [policy()]}})
    refusal = gateway.admission.admit(call(key=replace(KEY, tier="golf")), NOON).refusal
    assert refusal is not None
    assert (refusal.status, refusal.reason) == (400, "unknown_tier")
    assert "golf" in refusal.message


@pytest.mark.parametrize(("fail", "status"), [("open", None), ("closed", 503)])
def test_a_store_that_fails_is_never_silent(fail: str, status: int | None) -> None:
    gateway = Gateway(policy(fail=fail), store=FailingLimits(ANA))
    refusal = gateway.admission.admit(call(), NOON).refusal
    assert (None if refusal is None else refusal.status) == status
    assert gateway.reports.admissions[0].unchecked == (ANA,)


def test_without_readable_policies_no_call_passes() -> None:
    admission = make_admission(None, make_admitter(InMemoryLimits()))
    refusal = admission.admit(call(), NOON).refusal
    assert refusal is not None
    assert refusal.status == 503


def test_a_refusal_of_one_subject_gives_back_what_others_reserved() -> None:
    gateway = Gateway(policy(), {"name": "all", "limits": [PER_MINUTE | {"amount": 50}]})
    assert gateway.admission.admit(call(), NOON).refusal is not None
    assert gateway.get_used()[0] == 0


USD: dict[str, Any] = {"unit": "usd", "amount": 0.01, "per": "day"}


def test_dollars_are_reserved_for_the_most_expensive_kind_and_settled_at_the_price_book() -> None:
    gateway = Gateway(policy(limits=[USD | {"amount": 1}]))
    admitted = gateway.admission.admit(call(1000, 100), NOON)
    assert admitted.reservation_id is not None
    # Sonnet 4 in us-east-1: $3 for a million tokens read, $15 for those written; a cache write for
    # an hour takes twice as much as reading, one for five minutes 1.25 times.
    reserved = gateway.get_used()[0]
    assert reserved >= 1000 * 3_750_000 + 100 * 15_000_000
    gateway.admission.settle(admitted.reservation_id, TokenCounts(1000, 100), NOON)
    assert gateway.get_used()[0] == 1000 * 3_000_000 + 100 * 15_000_000


def test_a_model_without_a_known_price_is_refused_and_not_free() -> None:
    gateway = Gateway(policy(limits=[USD]))
    for model in (PROFILE, "acme.unknown-v1:0"):
        refusal = gateway.admission.admit(call(path=path(model)), NOON).refusal
        assert refusal is not None
        assert refusal.status == 400
        assert "cost is not known" in refusal.message
    shadow = Gateway(policy(limits=[USD | {"mode": "shadow"}]))
    assert shadow.admission.admit(call(path=path(PROFILE)), NOON).refusal is None


class UnreadablePrices:
    """Prices that cannot be read, until they can be."""

    is_down = True

    def price(
        self, asked: AskedCall, tokens: TokenCounts, served: ServedCall | None = None
    ) -> Decimal | None:
        if self.is_down:
            raise PricesUnavailableError
        return PRICES.price(asked, tokens, served)


def with_unreadable_prices(gateway: Gateway) -> UnreadablePrices:
    prices = UnreadablePrices()
    gateway.admission = replace(gateway.admission, prices=prices)
    gateway.view = replace(gateway.view, prices=prices)
    return prices


def test_without_readable_prices_a_limit_in_dollars_refuses_and_reserves_nothing() -> None:
    gateway = Gateway(policy(limits=[USD | {"amount": 1}, PER_MINUTE]))
    prices = with_unreadable_prices(gateway)
    refusal = gateway.admission.admit(call(), NOON).refusal
    assert refusal is not None
    assert (refusal.status, refusal.code) == (503, "ServiceUnavailableException")
    checked = gateway.view.check(KEY, path(), CallNeed(60, 40, is_certain=True), NOON)
    assert checked.refusal == refusal
    assert gateway.store.counts == {}
    prices.is_down = False
    assert gateway.admission.admit(call(), NOON).refusal is None


@pytest.mark.parametrize(
    "changes", [{"fail": "open"}, {"limits": [USD | {"mode": "shadow"}, PER_MINUTE]}]
)
def test_where_a_policy_allows_it_calls_pass_limits_in_dollars_alone(
    changes: dict[str, Any],
) -> None:
    gateway = Gateway(policy(**({"limits": [USD | {"amount": 1}, PER_MINUTE]} | changes)))
    prices = with_unreadable_prices(gateway)
    admitted = gateway.admission.admit(call(500, 400), NOON)
    assert admitted.refusal is None
    assert admitted.reservation_id is not None
    unchecked = gateway.reports.admissions[0].unchecked
    assert unchecked == ((ANA,) if "fail" in changes else ())
    checked = gateway.view.check(KEY, path(), CallNeed(60, 40, is_certain=True), NOON)
    assert checked.refusal is None
    above = gateway.admission.admit(call(), NOON)  # 900 of 1,000 tokens are reserved
    assert above.refusal is None
    refused = gateway.admission.admit(call(), NOON).refusal
    assert refused is not None
    assert refused.violated_policies == ("tokens/total/60",)
    prices.is_down = False
    gateway.admission.settle(admitted.reservation_id, TokenCounts(500, 400), NOON)
    assert gateway.get_used()[0] == 500 * 3_000_000 + 400 * 15_000_000


def test_a_limit_without_dollars_needs_no_prices() -> None:
    gateway = Gateway(policy())
    with_unreadable_prices(gateway)
    admitted = gateway.admission.admit(call(), NOON)
    assert admitted.reservation_id is not None


def test_a_call_is_settled_in_the_tier_that_served_it() -> None:
    """It may be dearer than the one that was asked for, and is reserved as if."""
    model, tokens = "amazon.nova-pro-v1:0", TokenCounts(1000, 100)
    flex, standard = (
        PRICES.price(AskedCall(model, "Converse", tier, NOON), tokens) for tier in ("flex", None)
    )
    assert flex is not None
    assert standard is not None
    assert flex < standard
    gateway = Gateway(policy(limits=[USD | {"amount": 1}]))
    for served, expected in ((ServedCall("flex"), flex), (ServedCall(), standard)):
        asked = call(1000, 100, path=path(model), service_tier="flex")
        before = gateway.get_used()[0] if gateway.store.states else 0
        admitted = gateway.admission.admit(asked, NOON)
        assert gateway.get_used()[0] - before >= standard * 10**12
        assert admitted.reservation_id is not None
        gateway.admission.settle(admitted.reservation_id, tokens, NOON, served)
        assert gateway.get_used()[0] - before == expected * 10**12


def test_an_embedding_is_priced_by_its_input_alone() -> None:
    gateway = Gateway(policy(limits=[USD, PER_MINUTE]))
    model = "amazon.titan-embed-text-v2:0"
    embedding = call(60, 0, path=path(model, BedrockOperation.INVOKE))
    admitted = gateway.admission.admit(embedding, NOON)
    assert admitted.reservation_id is not None
    gateway.admission.settle(admitted.reservation_id, TokenCounts(20), NOON)
    assert gateway.get_used()[:2] == [20 * 20_000, 20]


@pytest.mark.parametrize("tier", [None, "priority", "latency-optimized"])
def test_a_call_reserves_and_uses_the_price_of_its_service_tier(tier: str | None) -> None:
    model, tokens = "amazon.nova-pro-v1:0", TokenCounts(1000, 100)
    expected = PRICES.price(AskedCall(model, "Converse", tier, NOON), tokens)
    assert expected is not None
    gateway = Gateway(policy(limits=[USD | {"amount": 1}]))
    asked = call(1000, 100, path=path(model), service_tier=tier)
    admitted = gateway.admission.admit(asked, NOON)
    assert gateway.get_used()[0] >= expected * 10**12
    assert admitted.reservation_id is not None
    gateway.admission.settle(admitted.reservation_id, tokens, NOON)
    assert gateway.get_used()[0] == expected * 10**12


def test_quota_tokens_of_a_hidden_model_are_reserved_at_the_highest_rate() -> None:
    gateway = Gateway(policy(limits=[PER_MINUTE | {"unit": "quota_tokens"}]))
    admitted = gateway.admission.admit(call(path=path(PROFILE)), NOON)
    assert admitted.limits[0].remaining == 1000 - 60 - 5 * 40


def test_each_mark_is_reported_once_in_a_window() -> None:
    gateway = Gateway(policy(limits=[PER_MINUTE | {"near": [50, 80]}]))
    for number in range(9):
        admitted = gateway.admission.admit(call(), NOON + number * SECOND)
        assert admitted.reservation_id is not None
        gateway.admission.settle(admitted.reservation_id, TokenCounts(60, 40), NOON)
    assert gateway.marks == ["tokens 50", "tokens 80"]
    assert sum(each.marks for each in gateway.reports.admissions) == 2


def test_what_a_call_reserves_for_itself_reaches_no_mark() -> None:
    gateway = Gateway(policy(limits=[PER_MINUTE | {"near": [50]}]))
    admitted = gateway.admission.admit(call(500, 400), NOON)
    assert admitted.reservation_id is not None
    gateway.admission.settle(admitted.reservation_id, TokenCounts(5, 5), NOON)
    gateway.admission.admit(call(), NOON)
    assert gateway.marks == []


def test_a_check_says_what_an_admission_would_and_counts_nothing() -> None:
    gateway = Gateway(policy())
    gateway.admission.admit(call(900, 50), NOON)
    before = gateway.store.states[ANA], gateway.store.counts.copy()
    need = CallNeed(60, 40, is_certain=True)
    checked = gateway.view.check(KEY, path(), need, NOON)
    assert (gateway.store.states[ANA], gateway.store.counts) == before
    refused = gateway.admission.admit(call(), NOON)
    assert checked.refusal == refused.refusal
    assert checked.limits == refused.limits
    fits = gateway.view.check(KEY, path(), CallNeed(10, 10, is_certain=True), NOON)
    assert fits.refusal is None


def test_a_check_knows_unknown_tiers_prices_and_failing_stores() -> None:
    need = CallNeed(60, 40, is_certain=True)
    tiers = Gateway(tiers={"gold": {"policies": [policy()]}})
    unknown = tiers.view.check(replace(KEY, tier="golf"), path(), need, NOON).refusal
    assert unknown is not None
    assert unknown.reason == "unknown_tier"
    priced = Gateway(policy(limits=[USD])).view.check(KEY, path(PROFILE), need, NOON).refusal
    assert priced is not None
    assert "cost is not known" in priced.message
    unread = LimitView(FixedPolicies(None), InMemoryLimits(), PRICES)
    for answer in (unread.check(KEY, path(), need, NOON), unread.show(KEY, NOON)):
        assert answer.refusal is not None
        assert answer.refusal.status == 503


def test_no_caller_sees_the_limits_of_another() -> None:
    gateway = Gateway(policy(), policy("hers", match={"caller": "ana@*"}))
    gateway.admission.admit(call(), NOON)
    of_ana, of_ben = (gateway.view.show(key, NOON).limits for key in (KEY, BEN))
    assert [(each.name, each.remaining) for each in of_ana] == [("tokens", 900), ("hers", 900)]
    assert [(each.name, each.remaining) for each in of_ben] == [("tokens", 1000)]


def test_the_view_says_when_a_limit_resets_and_what_it_covers() -> None:
    claude = {"model": "anthropic.claude-*", "operation": ["Converse", "InvokeModel"]}
    gateway = Gateway(policy(limits=[DAILY], match=claude), policy("everyone"))
    gateway.admission.admit(call(), NOON)
    some, everyone = gateway.view.show(KEY, NOON).limits
    assert some.resets_at == NOON.replace(hour=0) + timedelta(days=1)
    assert (some.models, some.operations) == (("anthropic.claude-*",), ("Converse", "InvokeModel"))
    assert (everyone.models, everyone.operations) == ((), ())


def test_shadow_limits_are_named_in_the_view() -> None:
    gateway = Gateway(policy(limits=[PER_MINUTE | {"mode": "shadow"}]))
    assert gateway.view.show(KEY, NOON).shadow == ("tokens",)


class Budgets:
    """A budget of 50 tokens that every call has to keep, or why it cannot be found."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.named: list[str | None] = []

    def find(
        self,
        key: ApiKey,  # noqa: ARG002
        path: BedrockPath | None,  # noqa: ARG002
        at: datetime,  # noqa: ARG002
        *,
        is_released: bool,
        invoked_model_id: str | None = None,
    ) -> Sequence[PolicySubject]:
        self.named.append(invoked_model_id)
        if self.error is not None:
            raise self.error
        subject = LimitSubject("budget#team#1", (limit(50, unit=LimitUnit.TOTAL),))
        return [adopt_subject("budget:team", subject, is_released=is_released)]


def test_a_subject_from_elsewhere_limits_calls_like_a_policy() -> None:
    gateway = Gateway(policy())
    admission = replace(gateway.admission, others=Budgets())
    refusal = admission.admit(call(), NOON).refusal
    assert refusal is not None
    assert refusal.violated_policies == ("budget:team",)
    assert "budget:team" in refusal.message
    assert gateway.get_used()[0] == 0
    admitted = admission.admit(call(20, 20), NOON)
    assert [each.name for each in admitted.limits] == ["tokens", "budget:team"]


def test_a_refusal_says_if_the_call_is_a_repeat_and_its_need_an_estimate() -> None:
    gateway = Gateway(policy(limits=[PER_MINUTE | {"amount": 1}]))
    document = call(need=CallNeed(60, 40, is_certain=False), attempt_id="one")
    for asked in (document, document, call()):
        gateway.admission.admit(asked, NOON)
    reports = [(each.is_repeat, each.is_estimate) for each in gateway.reports.admissions]
    assert reports == [(False, True), (True, True), (False, False)]


def test_break_glass_is_counted_by_subjects_from_elsewhere_and_not_refused() -> None:
    gateway = Gateway(policy(), break_glass=["ana@*"])
    admission = replace(gateway.admission, others=Budgets())
    assert admission.admit(call(), NOON).refusal is None
    assert gateway.get_used("budget#team#1")[0] == 100
    unknown = replace(admission, others=Budgets(SubjectsUnavailableError("down")))
    assert unknown.admit(call(), NOON).refusal is None
    asked = replace(gateway.view, others=unknown.others)
    assert asked.check(KEY, path(), CallNeed(1, 1, is_certain=True), NOON).refusal is None


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (SubjectsUnavailableError("down"), 503, "cannot check limits"),
        (CallNotCountableError("budget:each", "project"), 400, '"budget:each" counts by project'),
    ],
)
def test_a_call_whose_subjects_are_not_known_is_refused(
    error: Exception, status: int, words: str
) -> None:
    gateway = Gateway(policy())
    others = Budgets(error)
    refusal = replace(gateway.admission, others=others).admit(call(), NOON).refusal
    need = CallNeed(1, 1, is_certain=True)
    checked = replace(gateway.view, others=others).check(KEY, path(), need, NOON).refusal
    for found in (refusal, checked):
        assert found is not None
        assert found.status == status
        assert words in found.message
    assert gateway.store.states == {}


def test_subjects_from_elsewhere_know_what_the_caller_named() -> None:
    others = Budgets()
    gateway = Gateway(policy())
    replace(gateway.admission, others=others).admit(call(invoked_model_id=PROFILE), NOON)
    view = replace(gateway.view, others=others)
    view.check(KEY, path(PROFILE), CallNeed(1, 1, is_certain=True), NOON)
    assert others.named == [PROFILE, PROFILE]


def test_callers_see_and_check_subjects_from_elsewhere() -> None:
    view = replace(Gateway(policy()).view, others=Budgets())
    assert [each.name for each in view.show(KEY, NOON).limits] == ["tokens", "budget:team"]
    checked = view.check(KEY, path(), CallNeed(60, 40, is_certain=True), NOON)
    assert checked.refusal is not None
    assert checked.refusal.violated_policies == ("budget:team",)
    gone = replace(view, others=Budgets(SubjectsUnavailableError("down")))
    assert gone.show(KEY, NOON).refusal is not None


def test_the_first_refusal_by_a_limit_is_reported_once_in_a_window() -> None:
    gateway = Gateway(policy(limits=[PER_MINUTE]))
    gateway.admission.admit(call(900, 40), NOON)
    for seconds in (0, 2, 4):
        refused = gateway.admission.admit(call(), NOON + seconds * SECOND)
        assert refused.refusal is not None
    (mark,) = gateway.get_marks()
    assert (mark.limit, mark.is_refusal, mark.percent, mark.used) == ("tokens", True, 94, 940)
    assert "ana" not in mark.id
    assert sum(each.marks for each in gateway.reports.admissions) == 1
    later = NOON + timedelta(hours=1)
    gateway.admission.admit(call(900, 40), later)
    gateway.admission.admit(call(), later)
    assert len(gateway.get_marks()) == 2


def test_a_mark_and_a_refusal_of_a_limit_are_reported_apart() -> None:
    gateway = Gateway(policy(limits=[PER_MINUTE | {"near": [50]}]))
    gateway.admission.admit(call(900, 40), NOON)
    gateway.admission.admit(call(), NOON)
    assert gateway.marks == ["tokens 50", "tokens 94"]
    assert [mark.is_refusal for mark in gateway.get_marks()] == [False, True]


def test_a_refusal_that_is_recent_reports_nothing() -> None:
    gateway = Gateway(policy(limits=[PER_MINUTE]))
    gateway.admission.admit(call(900, 40), NOON)
    gateway.admission.admit(call(), NOON)
    gateway.get_marks(is_forgotten=True)
    reads = gateway.store.counts.copy()
    refused = gateway.admission.admit(call(), NOON + SECOND / 2)
    assert refused.refusal is not None
    assert gateway.store.counts == reads  # no store was asked
    assert gateway.get_marks() == []


@pytest.mark.parametrize(
    ("limit", "asked"),
    [
        (PER_MINUTE | {"mode": "shadow"}, call()),
        (PER_MINUTE, call(2000, 40)),  # can never be admitted
        ({"unit": "concurrent", "amount": 1}, call(1, 1)),
    ],
    ids=["shadow", "a call above the limit", "calls at a time"],
)
def test_other_refusals_are_not_reported(limit: dict[str, Any], asked: GatewayCall) -> None:
    gateway = Gateway(policy(limits=[limit]))
    gateway.admission.admit(call(900, 40), NOON)
    gateway.admission.admit(asked, NOON)
    assert gateway.get_marks() == []


def test_a_break_glass_caller_reports_no_refusal() -> None:
    gateway = Gateway(policy(limits=[PER_MINUTE]), break_glass=["ana@*"])
    gateway.admission.admit(call(900, 40), NOON)
    assert gateway.admission.admit(call(), NOON).refusal is None
    assert gateway.get_marks() == []
