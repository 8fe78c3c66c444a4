"""The relay of the gateway, as its settings make it."""

import pytest
from pydantic import ValidationError

from lambdas.domain.api_keys import Scope
from lambdas.domain.bedrock_calls import Refusal
from lambdas.functions.gateway.settings import Settings
from lambdas.wiring.gateway import make_call_relay, make_rules
from lambdas.wiring.gateway_calls import make_call_observers
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.gateway import REGION, SECRET, InMemoryAdmission

ROLE = "arn:aws:iam::123456789012:role/BedrockGatewayCaller"
REQUIRED = {
    "GOVERNANCE_TABLE": GOVERNANCE,
    "LIMITS_TABLE": "Limits",
    "CALLER_ROLE_ARN": ROLE,
    "REGION": REGION,
}


def test_settings_make_a_relay_that_reads_keys_from_the_table(aws: None) -> None:
    create_governance_table()
    relay = make_call_relay(Settings.from_environment(REQUIRED), InMemoryAdmission())
    answer = relay.authenticate([("authorization", f"Bearer {SECRET.text}")], Scope.BEDROCK)
    assert isinstance(answer, Refusal)
    assert relay.rules.project_name is None


def test_settings_have_the_bounds_of_models() -> None:
    settings = Settings.from_environment(
        REQUIRED
        | {
            "MAX_OUTPUT_TOKENS": '{"*haiku*": 8192}',
            "PROJECT_NAME": "project",
            "REGION": "eu-west-1",
        }
    )
    rules = make_rules(settings)
    assert rules.bounds.get_max_output("anthropic.claude-haiku-4") == 8192
    assert rules.bounds.get_max_output("amazon.nova-2-lite-v1:0") == 128_000
    assert rules.owned_names == {"bedrock-meter-reservation", "project"}
    assert Settings.from_environment(settings.to_environment()) == settings


def test_calls_are_traced_only_where_a_share_is_set() -> None:
    for share, expected in (("0", 1), ("0.01", 2)):
        settings = Settings.from_environment(REQUIRED | {"TRACE_SHARE": share})
        assert len(make_call_observers(settings)) == expected
        assert Settings.from_environment(settings.to_environment()) == settings


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CALLER_ROLE_ARN", ""),
        ("MAX_OUTPUT_TOKENS", '{"*": 0}'),
        ("READ_SECONDS", "901"),
        ("BEDROCK_ENDPOINT", "bedrock"),
        ("TRACE_SHARE", "1.1"),
        ("TRACE_SHARE", "some"),
    ],
)
def test_settings_refuse_what_cannot_work(name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=name.lower()):
        Settings.from_environment(REQUIRED | {name: value})
