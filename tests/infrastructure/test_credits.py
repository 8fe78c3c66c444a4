"""Credits are optional, and their function may add to the books and change no entry."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cdk.components.dashboards import deployed_dashboards
from cdk.config import Config, ConfigurationError
from lambdas.domain.budgets.governance_table import (
    CREDIT_ALERTS,
    CREDIT_CELLS_PREFIX,
    CREDIT_ENTRIES,
    CREDIT_EXHAUSTED,
    CREDIT_GRANTS,
    CREDIT_SNAPSHOTS,
)
from tests.infrastructure.synthesis import as_list, deployment, find_function, resources, statements

ON = "everything"


@pytest.mark.parametrize(
    ("context", "problem"),
    [
        ({"credits": True}, "credits: allowed: true only with governance"),
        (
            {"governance": True, "credits_exhausted": ["brake"]},
            "credits_exhausted: allowed: only with credits",
        ),
        (
            {"governance": True, "credits": True, "credits_exhausted": "brake"},
            "credits_exhausted: allowed: brake only with the setting brake",
        ),
        (
            {"governance": True, "credits": True, "credits_exhausted": ["gateway"]},
            "credits_exhausted: allowed: gateway only with the setting gateway",
        ),
        (
            {
                "governance": True,
                "credits": True,
                "brake": True,
                "credits_exhausted": ["brake", "brake"],
            },
            "each value once; repeated: brake",
        ),
        (
            {"governance": True, "credits": True, "credits_exhausted": ["stop"]},
            r"credits_exhausted\.0",
        ),
        ({"credits_low_percent": 0}, "credits_low_percent"),
        ({"credits_low_percent": 100}, "credits_low_percent"),
    ],
)
def test_settings_that_do_not_fit_are_refused(context: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        Config.from_context(context)


def test_credits_notify_and_stop_nothing_by_default() -> None:
    config = Config.from_context({"governance": True, "credits": True})
    assert (config.credits_low_percent, config.credits_exhausted) == (20, ())
    assert "credits" in deployed_dashboards(config)
    assert "credits" not in deployed_dashboards(Config())


def test_nothing_of_credits_is_deployed_by_default() -> None:
    for template in deployment("default").templates.values():
        assert "redit" not in json.dumps(resources(template, "AWS::Lambda::Function"))
    names = {
        alarm["AlarmName"]
        for alarm in resources(deployment("default").monitoring, "AWS::CloudWatch::Alarm").values()
    }
    assert not [name for name in names if "Credit" in name]


def test_the_booker_runs_each_minute_and_knows_its_settings() -> None:
    variables = find_function(deployment(ON).monitoring, "credit_booker")["Environment"][
        "Variables"
    ]
    assert (variables["LOW_PERCENT"], variables["CELL_MINUTES"]) == ("35", "15")
    (rule,) = (
        rule
        for name, rule in resources(deployment(ON).monitoring, "AWS::Events::Rule").items()
        if name.startswith("CreditBooker")
    )
    assert rule["ScheduleExpression"] == "rate(1 minute)"


def test_the_booker_deletes_no_entry_no_grant_and_no_cell() -> None:
    keys: dict[str, set[str]] = {}
    for statement in statements(deployment(ON).monitoring, "CreditBookerRole"):
        if "Governance" in json.dumps(statement["Resource"]):
            condition = statement["Condition"]["ForAllValues:StringLike"]
            for action in as_list(statement["Action"]):
                named = as_list(condition["dynamodb:LeadingKeys"])
                keys.setdefault(action.removeprefix("dynamodb:"), set()).update(named)
    own = {CREDIT_ALERTS, CREDIT_EXHAUSTED}
    books = {CREDIT_GRANTS, CREDIT_ENTRIES, f"{CREDIT_CELLS_PREFIX}*", CREDIT_SNAPSHOTS}
    assert keys == {
        "PutItem": books | own,
        "Query": books | own,
        "ConditionCheckItem": {CREDIT_SNAPSHOTS},
        "UpdateItem": {CREDIT_ALERTS},
        "DeleteItem": own,
    }


def test_counters_note_changed_hours_only_with_credits() -> None:
    variables = find_function(deployment(ON).governance, "usage_counter")["Environment"][
        "Variables"
    ]
    assert variables["CREDITS"] == "true"


def test_alarms_watch_the_booker_and_the_books() -> None:
    names = {
        alarm["AlarmName"].removeprefix("BedrockMeter-Health-")
        for alarm in resources(deployment(ON).monitoring, "AWS::CloudWatch::Alarm").values()
    }
    assert {
        *("CreditBookerErrors", "CreditBookerNotStarted"),
        *("CreditDelays", "CreditMismatch"),
    } <= names
