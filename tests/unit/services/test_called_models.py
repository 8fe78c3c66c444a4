"""Calls through inference profiles are limited as calls of the models behind them."""

import json
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

import pytest

from lambdas.domain.attribution import AttributionRules, TagFacts, TagHistory, TagObservation
from lambdas.domain.bedrock_calls import (
    BedrockAnswer,
    BedrockRequest,
    CallNeed,
    NamedModels,
)
from lambdas.domain.calls import CallEnricher, CallPrices
from lambdas.domain.counters import measure_amounts
from lambdas.domain.invocations import AskedCall, TokenCounts
from lambdas.domain.invocations.model import foundation_model_id
from lambdas.domain.pricing import Pricing, shipped_prices
from lambdas.services.limit_calls import LimitView, PolicyAdmission
from lambdas.services.relay_call import CallRelay, GatewayRequest
from tests.builders import NOON, SONNET_4, usage_record
from tests.gateway import CONVERSE_BODY, INVOKE_BODY, KEY, InMemoryAdmission, InMemoryApiKeys
from tests.limits import InMemoryLimits, make_admitter
from tests.policies import PER_MINUTE, PRICES, make_admission, path, policy, read

ACCOUNT = "arn:aws:bedrock:us-east-1:123456789012"
PROFILE = f"{ACCOUNT}:application-inference-profile/p24qm5pye2qr"
HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"
USD: dict[str, Any] = {"unit": "usd", "amount": 1, "per": "day"}
QUOTA = PER_MINUTE | {"unit": "quota_tokens", "amount": 10**6}
CONVERSE: dict[str, Any] = {
    "messages": [{"role": "user", "content": [{"text": "Hi"}]}],
    "inferenceConfig": {"maxTokens": 100},
}


def shared(name: str, **changes: Any) -> dict[str, Any]:
    """A policy that all calls share."""
    return {"name": name, "limits": [PER_MINUTE], **changes}


class FixedModels:
    """Knows the model behind one profile."""

    def find(self, invoked_model_id: str, now: datetime) -> str:  # noqa: ARG002
        return SONNET_4 if invoked_model_id == PROFILE else invoked_model_id


class Bedrock:
    """Answers at once, and notes what it gets."""

    def __init__(self) -> None:
        self.received: list[BedrockRequest] = []

    def send(self, request: BedrockRequest) -> BedrockAnswer:
        self.received.append(request)
        body = CONVERSE_BODY if request.path.endswith("converse") else INVOKE_BODY
        return BedrockAnswer(200, [("content-type", "application/json")], iter([body]))


@dataclass
class World:
    """A gateway with some policies that knows the model behind a profile."""

    admission: Any
    store: InMemoryLimits
    is_resolving: bool = True

    @classmethod
    def with_policies(cls, *policies: dict[str, Any], is_resolving: bool = True) -> "World":
        store = InMemoryLimits()
        return cls(make_admission(read(*policies), make_admitter(store)), store, is_resolving)

    def __post_init__(self) -> None:
        self.bedrock = Bedrock()
        models = FixedModels() if self.is_resolving else NamedModels()
        self.relay = CallRelay(
            InMemoryApiKeys(KEY),  # type: ignore[arg-type]  # keys are not looked up
            self.admission,
            self.bedrock,
            lambda: NOON,
            models=models,
        )

    def call(self, model_id: str, body: dict[str, Any] = CONVERSE, to: str = "converse") -> int:
        """Call a model to the end, and return the status."""
        raw_path = f"/model/{quote(model_id, safe='')}/{to}"
        answer = self.relay.relay(GatewayRequest(KEY, raw_path, [], json.dumps(body).encode()))
        list(answer.pieces)
        answer.settle()
        return answer.status

    def count(self, subject: str) -> int:
        """The first counter of a subject."""
        if subject not in self.store.states:
            return 0
        return sum(next(iter(self.store.states[subject].counters.values())).values())


def test_bedrock_gets_the_profile_and_limits_count_the_model() -> None:
    world = World.with_policies(policy(partition_by="model"))
    assert world.call(PROFILE) == world.call(SONNET_4) == 200
    assert [request.path for request in world.bedrock.received] == [
        f"/model/{quote(each, safe='')}/converse" for each in (PROFILE, SONNET_4)
    ]
    assert world.count(f"tokens|model={quote(SONNET_4, safe='@:+')}") == 60


def test_conditions_of_other_models_do_not_apply() -> None:
    other = shared("other", match={"model": "amazon.*"})
    own = shared("own", match={"model": "anthropic.*sonnet*"})
    world = World.with_policies(other, own)
    assert world.call(PROFILE) == 200
    assert (world.count("other"), world.count("own")) == (0, 30)
    hidden = World.with_policies(other, own, is_resolving=False)
    assert hidden.call(PROFILE) == 200
    assert (hidden.count("other"), hidden.count("own")) == (30, 30)


def test_a_profile_has_the_price_and_the_quota_of_its_model() -> None:
    world = World.with_policies(shared("tokens", limits=[USD, QUOTA]))
    assert world.call(PROFILE) == 200
    record = usage_record(
        invoked_model_id=PROFILE,
        model_id="application-inference-profile/p24qm5pye2qr",
        tokens=TokenCounts(5, 25),
        region="us-east-1",
        timestamp=NOON,
    )
    facts = TagFacts({PROFILE: TagHistory(model_id=SONNET_4)})
    enricher = CallEnricher(Pricing(shipped_prices()), AttributionRules(), facts)
    recorded = measure_amounts([enricher.enrich(record)])
    usd, quota, *_ = (
        sum(slots.values()) for slots in world.store.states["tokens"].counters.values()
    )
    assert (usd, quota) == (recorded.usd, recorded.quota_tokens)
    hidden = World.with_policies(policy(limits=[USD]), is_resolving=False)
    assert hidden.call(PROFILE) == 400


def test_a_check_knows_the_model_too() -> None:
    store = InMemoryLimits()
    admission: PolicyAdmission = make_admission(read(policy(limits=[USD])), make_admitter(store))
    need = CallNeed(60, 40, is_certain=True)
    known = LimitView(admission.policies, store, PRICES, FixedModels())
    assert known.check(KEY, path(PROFILE), need, NOON).refusal is None
    unknown = LimitView(admission.policies, store, PRICES)
    assert unknown.check(KEY, path(PROFILE), need, NOON).refusal is not None


def test_a_profile_tagged_with_another_project_escapes_no_limit_of_the_key_s_project() -> None:
    """The ledger attributes the call to the profile's project; policies go by the key alone."""
    by_project = policy("project", partition_by="project", limits=[PER_MINUTE | {"amount": 1000}])
    own = shared("own", match={"project": "search"})
    others = shared("others", match={"project": "billing"})
    world = World.with_policies(by_project, own, others)
    tagged = TagHistory((TagObservation(NOON, (("project", "billing"),)),), SONNET_4)
    record = usage_record(invoked_model_id=PROFILE, timestamp=NOON)
    attributed = CallEnricher(
        Pricing(shipped_prices()), AttributionRules(), TagFacts({PROFILE: tagged})
    ).attribute(record)
    assert attributed.project == "billing"
    assert KEY.project == "search"
    assert world.call(PROFILE) == 200
    assert world.count("project|project=search") == 30
    assert world.count("own") == 30
    assert world.count("others") == world.count("project|project=billing") == 0


@pytest.mark.parametrize(
    ("field", "limit"), [("max_tokens", 100), ("max_gen_len", 65_536), ("maxTokens", 65_536)]
)
def test_only_the_field_that_the_model_reads_bounds_its_answer(field: str, limit: int) -> None:
    admission = InMemoryAdmission()
    world = World(admission, InMemoryLimits())
    world.call(PROFILE, {"messages": [], field: 100}, to="invoke")
    assert admission.calls[0].need.output_tokens == limit
    hidden = InMemoryAdmission()
    World(hidden, InMemoryLimits(), is_resolving=False).call(
        PROFILE, {"messages": [], field: 100}, to="invoke"
    )
    assert hidden.calls[0].need.output_tokens == 128_000


@pytest.mark.parametrize(
    ("called", "counted", "is_priced"),
    [
        (HAIKU, HAIKU, True),
        (f"us.{HAIKU}", HAIKU, True),
        (f"eu.{HAIKU}", HAIKU, True),
        (f"apac.{HAIKU}", HAIKU, True),
        (f"global.{HAIKU}", HAIKU, True),
        (f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU}", HAIKU, True),
        (f"{ACCOUNT}:inference-profile/us.{HAIKU}", HAIKU, True),
        (f"{ACCOUNT}:inference-profile/global.{HAIKU}", HAIKU, True),
        (PROFILE, SONNET_4, True),
        *(
            (f"{ACCOUNT}:{name}", name, False)
            for name in (
                "application-inference-profile/unknown",
                "provisioned-model/p1a2b3c4d5e6",
                "custom-model/amazon.nova-lite-v1:0/c1a2b3c4d5e6",
                "custom-model-deployment/d1a2b3c4d5e6",
                "imported-model/i1a2b3c4d5e6",
                "prompt-router/r1a2b3c4d5e6",
                "default-prompt-router/anthropic.claude:1",
                "prompt/P1A2B3C4D5:1",
            )
        ),
        ("arn:aws:sagemaker:us-east-1:123456789012:endpoint/e1", "endpoint/e1", False),
    ],
)
def test_every_kind_of_name_has_a_model_and_is_priced_or_refused(
    called: str,
    counted: str,
    is_priced: bool,  # a parameter of the test
) -> None:
    large = PER_MINUTE | {"amount": 10**6}  # a prompt on the server may have a long text
    unlimited = World.with_policies(policy(partition_by="model", limits=[large]))
    assert unlimited.call(called) == 200
    assert unlimited.count(f"tokens|model={counted if is_priced else 'hidden'}") == 30
    assert called == PROFILE or foundation_model_id(called) == counted
    limited = World.with_policies(policy(limits=[USD]))
    assert limited.call(called) == (200 if is_priced else 400)
    every = World.with_policies(shared("other", match={"model": "acme.*"}, limits=[large]))
    assert every.call(called) == 200
    assert every.count("other") == (0 if is_priced else 30)


def test_a_global_profile_has_a_price_of_its_own() -> None:
    prices = CallPrices(lambda: Pricing(shipped_prices()), "us-east-1")
    model, tokens = "amazon.nova-2-lite-v1:0", TokenCounts(1000, 100)
    asked = AskedCall(model, "Converse", None, NOON)
    globally = asked._replace(invoked_model_id=f"global.{model}")
    assert prices.price(asked, tokens) != prices.price(globally, tokens)


def test_calls_without_a_profile_are_as_they_are_named() -> None:
    admission = InMemoryAdmission()
    world = World(admission, InMemoryLimits())
    world.relay = replace(world.relay, models=NamedModels())
    world.call(HAIKU)
    assert admission.calls[0].path.model_id == HAIKU
