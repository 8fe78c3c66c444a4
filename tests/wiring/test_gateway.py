"""The relay of the gateway, as its settings make it."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.api_keys import Scope
from lambdas.domain.bedrock_calls import Refusal
from lambdas.functions.gateway.settings import Settings
from lambdas.wiring.gateway import make_call_relay, make_rules
from lambdas.wiring.gateway_calls import make_call_observers
from lambdas.wiring.gateway_settings import MAX_TOKENS
from lambdas.wiring.plain_settings import InvalidSettingsError
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
        ("TRACE_SHARE", "NaN"),
        ("KONG_HEADERS", "yes"),
        ("IMAGE_TOKENS", "true"),
        ("ATTRIBUTION", "[]"),
        ("PROJECT_NAME", ""),
        ("PROJECT_NAME", "p" * 257),
    ],
)
def test_settings_refuse_what_cannot_work(name: str, value: str) -> None:
    with pytest.raises(InvalidSettingsError, match=f"{name}: allowed: "):
        Settings.from_environment(REQUIRED | {name: value})


def test_all_faults_of_settings_are_named_without_their_values() -> None:
    with pytest.raises(InvalidSettingsError) as refused:
        Settings.from_environment(REQUIRED | {"REGION": "", "READ_SECONDS": "secret"})
    assert str(refused.value) == (
        "READ_SECONDS: allowed: a whole number from 1 to 900;"
        " REGION: allowed: a text of at least 1 letters"
    )
    with pytest.raises(InvalidSettingsError, match="GOVERNANCE_TABLE: missing; LIMITS_TABLE"):
        Settings.from_environment({})


def test_settings_that_are_made_by_hand_are_checked_too() -> None:
    settings = Settings.from_environment(REQUIRED)
    with pytest.raises(InvalidSettingsError, match="READ_SECONDS: allowed"):
        replace(settings, read_seconds=0)
    with pytest.raises(InvalidSettingsError, match="LIMITS_TABLE: allowed"):
        replace(settings, limits_table="")


@given(
    st.fixed_dictionaries(
        {
            "max_output_tokens": st.dictionaries(st.text(), st.integers(1, MAX_TOKENS)),
            "project_name": st.none() | st.text(min_size=1, max_size=256),
            "attribution": st.dictionaries(st.text(), st.lists(st.text())),
            "kong_headers": st.booleans(),
            "trace_share": st.decimals(0, 1, places=4),
        }
    )
)
def test_settings_are_read_back_from_the_environment_that_they_write(changes: Any) -> None:
    settings = replace(Settings.from_environment(REQUIRED), **changes)
    assert Settings.from_environment(settings.to_environment()) == settings
