"""Budgets as callers of the gateway see them, over HTTP."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from cdk.local_cloud.tls import Certificates
from lambdas.domain.api_keys import Scope, create_key
from lambdas.domain.budgets import BudgetAmount, BudgetScope, BudgetSubject, BudgetUnit
from lambdas.domain.limits import LimitMode
from lambdas.services.limit_calls import LimitView
from tests.builders import NOON
from tests.functions.test_gateway_limits import certificates, send
from tests.gateway import MODEL, SECRET, Gateway, Limits, serve_gateway
from tests.limits import InMemoryLimits, make_admitter
from tests.policies import PRICES, make_admission, read
from tests.unit.budgets.builders import budget
from tests.unit.services.test_find_budgets import ANA, make

__all__ = ["certificates"]  # a fixture

AMOUNT = BudgetAmount(BudgetUnit.TOTAL_TOKENS, 400)
QUOTA = BudgetAmount(BudgetUnit.QUOTA_TOKENS, 900)
BEN_SECRET, BEN = create_key(bytes(32), "ben", NOON, scopes=[Scope.LIMITS])
BUDGETS = make(
    budget("ana", scope=BudgetScope(identity=(ANA,)), amount=AMOUNT, gateway=LimitMode.ENFORCE),
    budget("each", per=BudgetSubject.IDENTITY, amount=QUOTA, gateway=LimitMode.SHADOW),
)


@pytest.fixture
def gateway(certificates: Certificates) -> Iterator[Gateway]:
    store = InMemoryLimits()
    admission = replace(make_admission(read(), make_admitter(store)), others=BUDGETS)
    view = LimitView(admission.policies, store, PRICES, others=BUDGETS)
    with serve_gateway(certificates, limits=Limits(admission, view)) as gateway:
        gateway.keys.create(BEN)
        yield gateway


def test_headers_and_the_problem_name_the_budget(gateway: Gateway) -> None:
    asked = {"messages": [], "inferenceConfig": {"maxTokens": 500}}
    status, headers, problem = send(gateway, "POST", f"/model/{MODEL}/converse", asked)
    assert (status, problem["__type"]) == (400, "ServiceQuotaExceededException")
    assert problem["violated-policies"] == ["budget:ana"]
    assert problem["type"].endswith("#quota-exceeded")
    assert '"budget:ana";q=400;qu="total"' in headers["ratelimit-policy"]
    assert '"budget:each";q=900' in headers["ratelimit-policy"]
    assert gateway.bedrock.received == []


def test_callers_see_the_budgets_that_cover_them(gateway: Gateway) -> None:
    _, _, of_ana = send(gateway, "GET", "/limits", secret=SECRET.text)
    assert [(each["name"], each["mode"]) for each in of_ana["limits"]] == [
        ("budget:ana", "enforce"),
        ("budget:each", "shadow"),
    ]
    _, _, of_ben = send(gateway, "GET", "/limits", secret=BEN_SECRET.text)
    assert [(each["name"], each["partition"]) for each in of_ben["limits"]] == [
        ("budget:each", "ben")
    ]
    assert "ana" not in json.dumps(of_ben)
    assert "111122223333" not in json.dumps([of_ana, of_ben])


def test_a_check_says_which_budget_refuses(gateway: Gateway) -> None:
    asked = {"modelId": MODEL, "inputTokens": 300, "outputTokens": 200}
    _, _, checked = send(gateway, "POST", "/limits/check", asked)
    assert (checked["admitted"], checked["refusal"]["policies"]) == (False, ["budget:ana"])
