"""A scope is a sum over everything that matches."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.attribution.ports import FoundTags
from lambdas.domain.budgets import BudgetScope, read_principal
from lambdas.domain.counters import read_usage
from lambdas.domain.invocations import UsageRecord, read_message
from lambdas.domain.patterns import matches
from lambdas.domain.scope_field import ScopeField
from tests.builders import ANA, BEN, HAIKU_3, NOON, SONNET_4
from tests.enriching import call_books
from tests.fakes import InMemoryTagSource
from tests.invocation_logs import log
from tests.unit.budgets.builders import LABELS, budget, labels, scopes

ROLE = "arn:aws:iam::111122223333:role/chat"
PROFILE = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/a1b2c3"


def test_without_conditions_the_whole_account_is_included() -> None:
    assert BudgetScope().includes(LABELS)


@pytest.mark.parametrize(
    ("scope", "is_included"),
    [
        (BudgetScope(project=("chat",)), True),
        (BudgetScope(project=("Chat",)), False),
        (BudgetScope(project=("search", "ch*")), True),
        (BudgetScope(department=("sales",), use_case=("support",)), True),
        (BudgetScope(department=("sales",), use_case=("other",)), False),
        (BudgetScope(identity=(ANA,)), True),
        (BudgetScope(identity=(ROLE,)), False),
        (BudgetScope(identity=("arn:aws:sts::*:assumed-role/chat/*",)), True),
        (BudgetScope(principal=(ROLE,)), True),
        (BudgetScope(principal=(f"{ROLE}bot",)), False),
        (BudgetScope(model=("anthropic.*",), region=("us-*",)), True),
        (BudgetScope(model=(HAIKU_3,)), False),
        (BudgetScope(region=("eu-*",)), False),
    ],
)
def test_all_conditions_have_to_match(scope: BudgetScope, is_included: bool) -> None:
    assert scope.includes(LABELS) is is_included


@given(scopes, labels)
def test_a_narrower_scope_includes_nothing_more(scope: BudgetScope, chosen: object) -> None:
    for field in scope.conditions:
        wider = BudgetScope(
            **{
                other.value: names
                for other, names in scope.conditions.items()
                if other is not field
            }
        )
        assert wider.includes(chosen) or not scope.includes(chosen)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("identity", "principal"),
    [
        (ANA, ROLE),
        (BEN, BEN),
        ("arn:aws:iam::111122223333:user/team/ben", BEN),
        ("arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:root"),
        (
            "arn:aws-us-gov:sts::111122223333:federated-user/ana",
            "arn:aws-us-gov:sts::111122223333:federated-user/ana",
        ),
        ("unknown", "unknown"),
    ],
)
def test_the_principal_is_the_role_or_user_behind_a_session(identity: str, principal: str) -> None:
    assert read_principal(identity) == principal


@given(
    st.text("ab*", max_size=8),
    st.text("ab", max_size=12),
)
def test_patterns_match_as_regular_expressions_do(pattern: str, name: str) -> None:
    expression = ".*".join(map(re.escape, pattern.split("*")))
    assert matches(pattern, name) == (re.fullmatch(expression, name) is not None)


def test_only_a_single_exact_name_is_a_named_value() -> None:
    assert BudgetScope(project=("chat",)).named_value(ScopeField.PROJECT) == "chat"
    assert BudgetScope(project=("chat*",)).named_value(ScopeField.PROJECT) is None
    assert BudgetScope(project=("chat", "search")).named_value(ScopeField.PROJECT) is None
    assert BudgetScope(model=(SONNET_4,)).named_value(ScopeField.PROJECT) is None


@pytest.mark.parametrize(
    "model_id",
    [
        SONNET_4,
        f"jp.{SONNET_4}",
        f"au.{SONNET_4}",
        f"global.{SONNET_4}",
        f"arn:aws:bedrock:us-east-1::foundation-model/{SONNET_4}",
        f"arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.{SONNET_4}",
        PROFILE,
    ],
)
def test_all_ids_of_a_model_count_in_one_sum_and_none_at_nothing(model_id: str) -> None:
    """Calls by another id of the model passed its budget, at $0."""
    record = read_message(json.dumps(log(modelId=model_id)))
    assert isinstance(record, UsageRecord)
    source = InMemoryTagSource()
    source.found[PROFILE] = FoundTags(model_id=SONNET_4)
    (call,) = call_books(source).enrich([record], NOON)
    change = read_usage(call)
    assert BudgetScope(model=(SONNET_4,)).includes(change.labels)
    assert not BudgetScope(model=(HAIKU_3,)).includes(change.labels)
    assert budget().read_usage(change.totals) > 0  # without a price, at the ceiling
