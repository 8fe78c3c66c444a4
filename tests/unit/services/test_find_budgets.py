"""Calls of the gateway keep the budgets that the ledger will count them for."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lambdas.domain.api_keys import ApiKey, create_key, make_session_arn
from lambdas.domain.attribution import AttributionRules, LabelNames, TagFacts, TrustedPrincipal
from lambdas.domain.attribution.precedence import attribute
from lambdas.domain.budgets import (
    LATE_LABELS,
    BrakeMode,
    Budget,
    BudgetBook,
    BudgetScope,
    BudgetSubject,
    GatewayBudgets,
    ScopeField,
)
from lambdas.domain.budgets.call_labels import CallLabels
from lambdas.domain.limit_policies import CallNotCountableError
from lambdas.domain.limits import LimitMode
from lambdas.services.find_budgets import BudgetSubjects
from tests.builders import NOON, usage_record
from tests.gateway import KEY, MODEL, REGION
from tests.policies import path
from tests.unit.budgets.builders import budget, stored

ROLE = "arn:aws:iam::111122223333:role/callers"
ANA = make_session_arn(ROLE, KEY.session_name)
PROFILE = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/p24qm5pye2qr"
ROUTER = "arn:aws:bedrock:us-east-1:111122223333:default-prompt-router/anthropic.claude:1"
TRUSTED = AttributionRules(
    trusted_principals=(
        TrustedPrincipal(
            account_id="111122223333",
            principal="role/callers",
            effective_from=NOON - timedelta(days=1),
        ),
    )
)
LABELS = CallLabels(ROLE, REGION, "project", TRUSTED)
EACH_PROJECT = budget(
    "each",
    per=BudgetSubject.PROJECT,
    scope=BudgetScope(identity=(ANA,)),
    gateway=LimitMode.ENFORCE,
)
_, ELSEWHERE = create_key(bytes(32), "ana@example.com", NOON)
_, UNREADABLE = create_key(bytes(32), "ana@example.com", NOON, project="__other__")


def make(*made: Budget, **changes: Any) -> BudgetSubjects:
    book = BudgetBook(1, {each.name: stored(each) for each in made})
    return BudgetSubjects(GatewayBudgets(book), changes.pop("labels", LABELS), **changes)


def find(
    subjects: BudgetSubjects, *, is_released: bool = False, model: str = MODEL
) -> list[tuple[str, str | None, str]]:
    found = subjects.find(KEY, path(model), NOON, is_released=is_released)
    return [(each.policy.name, each.partition, each.subject.id) for each in found]


def test_a_budget_limits_the_callers_that_it_covers_and_says_its_name() -> None:
    team = budget("team", scope=BudgetScope(identity=(ANA,)), gateway=LimitMode.ENFORCE)
    other = budget("ben", scope=BudgetScope(identity=(ANA[:-1],)), gateway=LimitMode.ENFORCE)
    assert find(make(team, other)) == [("budget:team", None, "budget#team#1")]


def test_a_default_budget_shows_callers_themselves_and_no_account() -> None:
    each = budget("each", per=BudgetSubject.IDENTITY, gateway=LimitMode.ENFORCE)
    whole = budget("role", per=BudgetSubject.PRINCIPAL, gateway=LimitMode.ENFORCE)
    assert [shown for _, shown, _ in find(make(each, whole))] == ["ana@example.com", "callers"]


def test_a_released_caller_is_counted_and_not_refused() -> None:
    team = budget("team", scope=BudgetScope(identity=(ANA,)), gateway=LimitMode.ENFORCE)
    (refused,) = make(team).find(KEY, path(), NOON, is_released=False)
    assert refused.subject.is_enforced
    (found,) = make(team).find(KEY, path(), NOON, is_released=True)
    assert found.subject.id == refused.subject.id
    assert not found.subject.is_enforced


def test_a_call_whose_project_is_not_known_is_not_counted_for_another_one() -> None:
    assert find(make(EACH_PROJECT)) == [("budget:each", "search", "budget#each#1#search")]
    with pytest.raises(CallNotCountableError, match="budget:each counts by project"):
        find(make(EACH_PROJECT), model=PROFILE)
    assert find(make(EACH_PROJECT), model=PROFILE, is_released=True) == []
    assert make(EACH_PROJECT).find(ELSEWHERE, None, NOON, is_released=False) == []


def test_a_profile_whose_model_is_known_may_still_name_another_project() -> None:
    known = LABELS.read(KEY, path(), NOON, PROFILE)
    assert ScopeField.PROJECT in known.unknown
    assert ScopeField.MODEL not in known.unknown
    with pytest.raises(CallNotCountableError):
        make(EACH_PROJECT).find(KEY, path(), NOON, is_released=False, invoked_model_id=PROFILE)


UNTRUSTED = replace(LABELS, rules=AttributionRules())
OTHER_NAME = replace(
    LABELS, rules=replace(TRUSTED, label_names=LabelNames(project=("team", "project")))
)
NO_NAME = replace(LABELS, project_name=None)


@pytest.mark.parametrize("labels", [UNTRUSTED, OTHER_NAME, NO_NAME])
def test_a_project_is_not_known_where_another_source_may_go_first(labels: CallLabels) -> None:
    assert ScopeField.PROJECT in labels.read(KEY, path(), NOON).unknown


@pytest.mark.parametrize("key", [ELSEWHERE, UNREADABLE])
def test_a_key_without_a_project_that_counts_says_nothing(key: ApiKey) -> None:
    assert ScopeField.PROJECT in LABELS.read(key, path(), NOON).unknown


def test_a_project_that_is_known_is_that_of_the_ledger() -> None:
    """Neither tags of the role nor what a caller writes change it."""
    known = LABELS.read(KEY, path(), NOON)
    assert ScopeField.PROJECT not in known.unknown
    metadata = (("department", "sales"), ("project", KEY.project or ""), ("team", "other"))
    record = usage_record(identity_arn=ANA, request_metadata=metadata, timestamp=NOON)
    recorded = attribute(record, TagFacts(), TRUSTED)
    assert recorded.project == known.labels.project == "search"


@pytest.mark.parametrize(
    ("model", "is_known"),
    [
        ("anthropic.claude-sonnet-4-20250514-v1:0", True),
        ("eu.anthropic.claude-sonnet-4-20250514-v1:0", True),
        (PROFILE, False),
        (ROUTER, False),
    ],
)
def test_a_hidden_model_meets_every_condition(model: str, is_known: bool) -> None:
    known = LABELS.read(KEY, path(model), NOON)
    assert (ScopeField.MODEL not in known.unknown) is is_known
    haiku = budget("haiku", scope=BudgetScope(model=("anthropic.claude-3-*",)))
    assert bool(find(make(replace(haiku, gateway=LimitMode.ENFORCE)), model=model)) is not is_known


def test_the_budgets_of_a_caller_are_those_of_all_its_calls() -> None:
    team = budget("team", scope=BudgetScope(identity=(ANA,)), gateway=LimitMode.ENFORCE)
    other = budget("ben", scope=BudgetScope(identity=("arn:aws:iam::1:user/ben",)))
    found = make(team, other, EACH_PROJECT).find(KEY, None, NOON, is_released=False)
    assert [each.policy.name for each in found] == ["budget:each", "budget:team"]


@pytest.mark.parametrize(
    ("scope", "is_covered"),
    [
        (BudgetScope(), True),
        (BudgetScope(project=("search",)), True),
        (BudgetScope(project=("chat",)), False),
        (BudgetScope(model=("anthropic.*",)), True),
        (BudgetScope(model=("meta.*",)), False),
        (BudgetScope(region=(REGION,)), True),
        (BudgetScope(region=("ap-*",)), False),
        (BudgetScope(project=("search",), identity=("arn:aws:iam::1:user/ben",)), False),
    ],
)
def test_a_budget_of_any_scope_limits_the_calls_that_it_covers(
    scope: BudgetScope, is_covered: bool
) -> None:
    found = find(make(budget("any", scope=scope, gateway=LimitMode.ENFORCE)))
    assert bool(found) is is_covered


@pytest.mark.parametrize("field", sorted(LATE_LABELS))
def test_a_label_that_is_known_later_covers_the_calls_of_all_its_values(field: ScopeField) -> None:
    scope = BudgetScope(**{field.value: ("sales",)})
    assert find(make(budget("late", scope=scope, gateway=LimitMode.ENFORCE)))
    narrow = replace(scope, project=("chat",))
    assert not find(make(budget("late", scope=narrow, gateway=LimitMode.ENFORCE)))


def test_a_budget_that_only_denies_in_iam_limits_no_call() -> None:
    each = budget("each", per=BudgetSubject.IDENTITY, brake=BrakeMode.DENY)
    assert find(make(each)) == []


def test_a_default_budget_in_shadow_mode_refuses_no_call_of_an_unknown_project() -> None:
    assert find(make(replace(EACH_PROJECT, gateway=LimitMode.SHADOW)), model=PROFILE) == []
