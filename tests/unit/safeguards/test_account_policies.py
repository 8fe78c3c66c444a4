"""Account policies are reported only if they affect the meter's log groups."""

import pytest

from lambdas.domain.safeguards.account_policies import AccountPolicy, find_account_policies
from tests.unit.safeguards.deployed import get_text

METERED = "BedrockMeter-Storage-InvocationLogs-1A"
OF_A_FUNCTION = "BedrockMeter-Ingestion-LogProcessorLog-2B"
COPY = "SUBSCRIPTION_FILTER_POLICY"


def found(*policies: AccountPolicy, known: tuple[str, ...] = ()) -> list[str]:
    groups = [METERED, OF_A_FUNCTION]
    return [
        get_text(difference)
        for difference in find_account_policies(policies, log_groups=groups, known=known)
    ]


@pytest.mark.parametrize(
    ("criteria", "acts"),
    [
        (None, True),
        ("", True),
        ("a form that is new", True),
        ("LogGroupName IN [not JSON]", True),
        (f'LogGroupName NOT IN ["{METERED}"]', True),  # it acts on the function's
        (f'LogGroupName NOT IN ["{METERED}", "{OF_A_FUNCTION}"]', False),
        (f'LogGroupName IN ["{OF_A_FUNCTION}"]', True),
        ('LogGroupName IN ["BedrockMeter"]', False),
        ('LogGroupNamePrefix IN ["/aws/lambda", "BedrockMeter-S"]', True),
        ('LogGroupNamePrefix IN ["/company"]', False),
        ('LogGroupNamePrefix NOT IN ["BedrockMeter-"]', False),
        ('LogGroupNamePrefix NOT IN ["/company"]', True),
        ("LogGroupName NOT IN []", True),
        ("LogGroupName IN []", False),
    ],
)
def test_criteria_select_log_groups_and_unreadable_criteria_select_all(
    criteria: str | None, acts: bool
) -> None:
    assert bool(found(AccountPolicy(COPY, "corp", criteria))) is acts


@pytest.mark.parametrize(
    ("kind", "effect"),
    [
        ("DATA_PROTECTION_POLICY", "masks text"),
        ("METRIC_EXTRACTION_POLICY", "stops metrics"),
        ("RETENTION_POLICY", "sets the retention"),
        (COPY, "copies events"),
        ("TRANSFORMER_POLICY", "rewrites events"),
    ],
)
def test_a_declared_policy_name_covers_only_its_type(kind: str, effect: str) -> None:
    policy = AccountPolicy(kind, "corp")
    other = COPY if kind != COPY else "TRANSFORMER_POLICY"
    text = f"account policy 'corp' {effect} of the meter's log groups"
    hint = f"(if you made it, add 'account:{kind}:corp' to known_log_policies)"
    assert found(policy) == found(policy, known=(f"account:{other}:corp",)) == [f"{text} {hint}"]
    assert found(policy, known=(f"account:{kind}:corp",)) == []


def test_policies_with_the_same_name_are_each_found() -> None:
    kinds = ("DATA_PROTECTION_POLICY", "TRANSFORMER_POLICY")
    assert len(found(*(AccountPolicy(kind, "corp") for kind in kinds))) == len(kinds)
