"""Policies that mask, rewrite or copy logs are found unless they are declared."""

from dataclasses import replace

import pytest

from lambdas.domain.safeguards.log_policies import (
    LogPolicies,
    compare_log_groups,
    find_log_policies,
)
from lambdas.domain.safeguards.masking import find_deployed_masks
from tests.unit.safeguards.deployed import FUNCTION_ARN, get_text, resource

CLEAN = LogPolicies(
    masks=None,
    has_transformer=False,
    subscriptions={"ours": FUNCTION_ARN},
)


def found(
    live: LogPolicies, *known: str, deployed_masks: frozenset[str] | None = None
) -> list[str]:
    return [
        difference.text
        for difference in find_log_policies(
            live,
            log_group="group",
            destination_arn=FUNCTION_ARN,
            known=known,
            deployed_masks=deployed_masks,
        )
    ]


@pytest.mark.parametrize(
    ("live", "text", "word"),
    [
        (
            replace(CLEAN, masks=frozenset({"EmailAddress"})),
            "a data protection policy masks text in log group group",
            "data-protection",
        ),
        (
            replace(CLEAN, has_transformer=True),
            "a transformer rewrites the events of log group group",
            "transformer",
        ),
        (
            replace(CLEAN, subscriptions={**CLEAN.subscriptions, "copy": "arn:elsewhere"}),
            "subscription filter 'copy' copies log group group to 'arn:elsewhere'",
            "subscription:copy=arn:elsewhere",
        ),
    ],
)
def test_a_policy_is_drift_until_it_is_declared(live: LogPolicies, text: str, word: str) -> None:
    assert found(CLEAN) == []
    assert found(live) == [f"{text} (if you made it, add {word!r} to known_log_policies)"]
    assert found(live, word) == []
    assert found(live, "account:other", "subscription:copy=arn:other") == found(live)


@pytest.mark.parametrize(
    ("live", "texts"),
    [
        ({"one": 30, "two": 30}, []),
        ({"one": 30}, ["log groups of functions are gone: two"]),
        ({"one": 1, "two": 29}, ["log groups of functions expire earlier: one, two"]),
        ({"one": 365, "two": None}, []),
    ],
)
def test_log_groups_of_functions_must_exist(live: dict[str, int | None], texts: list[str]) -> None:
    deployed = [
        resource("AWS::Logs::LogGroup", name, {"RetentionInDays": 30}) for name in ("one", "two")
    ]
    assert [get_text(difference) for difference in compare_log_groups(deployed, live)] == texts


def test_a_filter_that_selects_by_source_is_drift() -> None:
    narrowed = replace(CLEAN, field_criteria={"ours": '@aws.region IN ["eu-west-1"]'})
    assert found(narrowed) == [
        "log group group delivers only events from '@aws.region IN [\"eu-west-1\"]'"
    ]
    others = {**CLEAN.subscriptions, "copy": "arn:elsewhere"}
    copied = replace(CLEAN, subscriptions=others, field_criteria={"copy": "any"})
    assert found(copied, "subscription:copy=arn:elsewhere") == []


MASKS = frozenset({"Ssn-US", "CreditCardNumber"})


@pytest.mark.parametrize(
    ("live", "texts"),
    [
        (MASKS, []),
        (None, ["log group group does not mask CreditCardNumber, Ssn-US"]),
        (frozenset({"Ssn-US"}), ["log group group does not mask CreditCardNumber"]),
        (MASKS | {"IpAddress"}, ["log group group also masks IpAddress"]),
        (
            frozenset({"IpAddress"}),
            [
                "log group group does not mask CreditCardNumber, Ssn-US",
                "log group group also masks IpAddress",
            ],
        ),
    ],
)
def test_masks_are_compared_with_the_deployed_masks(
    live: frozenset[str] | None, texts: list[str]
) -> None:
    masked = replace(CLEAN, masks=live)
    assert found(masked, deployed_masks=MASKS) == texts
    assert found(masked, "data-protection", deployed_masks=MASKS) == texts


def test_only_masks_of_the_metered_log_group_are_deployed_masks() -> None:
    arn = "arn:aws:dataprotection::aws:data-identifier/Ssn-US"
    masking = {"DataIdentifier": [arn], "Operation": {"Deidentify": {"MaskConfig": {}}}}
    audit = {"DataIdentifier": [arn], "Operation": {"Audit": {"FindingsDestination": {}}}}
    policy = {"DataProtectionPolicy": {"Statement": [audit, masking]}}
    groups = [
        resource("AWS::Logs::LogGroup", "other", policy),
        resource("AWS::Logs::LogGroup", "group", {}),
    ]
    assert find_deployed_masks(groups, "group") is None
    masked = [resource("AWS::Logs::LogGroup", "group", policy)]
    assert find_deployed_masks(masked, "group") == frozenset({"Ssn-US"})
