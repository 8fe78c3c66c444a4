"""The configuration is checked before anything is built; errors name the allowed values."""

import json
from pathlib import Path
from typing import Any

import pytest

from cdk.config import (
    Config,
    ConfigurationError,
    Thresholds,
    Window,
    WindowThresholds,
    read_config,
)
from lambdas.domain.alerts import DEFAULT_THRESHOLDS, Severity
from lambdas.domain.invocations import TokenCounts
from lambdas.domain.pricing import Cost, Unpriced
from lambdas.domain.pricing.call_pricing import price_call
from tests.builders import SONNET_4, usage_record
from tests.infrastructure.synthesis import ROOT

CONTRACTED = {"model": "m", "effective_from": "2026-01-01"}
OF_A_TIER = CONTRACTED | {"discount_percent": 5, "service_tier": "flex"}


ARN = "arn:aws:bedrock:us-east-1::foundation-model/"
US_PATTERN = {
    "model_id": "us.anthropic.*",
    "project": "x",
    "effective_from": "2026-01-01T00:00:00Z",
}


def refusal(**context: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        Config.from_context(context)
    return str(caught.value)


def test_cdk_json_holds_the_defaults_and_names_every_setting() -> None:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    settings = {name for name in context if name in Config.model_fields}
    assert settings == set(Config.model_fields) - {
        *("python_version", "architecture", "price_list_url")
    }
    assert Config.from_context(context) == Config()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (None, "cdk.json: No such file or directory."),
        (b'{"context":\n {,}}', "cdk.json: not JSON, line 2: Expecting property name"),
        (b"\xff\xfe", "cdk.json: not JSON."),
        (b"[]", 'cdk.json: allowed: {"context": {...}}'),
        (b'{"context": 7}', 'cdk.json: allowed: {"context": {...}}'),
    ],
)
def test_an_unreadable_cdk_json_is_named_in_one_line(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    path = tmp_path / "cdk.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        read_config(path)
    assert str(caught.value).startswith(complaint)


def test_cdk_json_without_context_has_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "cdk.json"
    path.write_text("{}")
    assert read_config(path) == Config()


def test_the_readme_links_the_page_of_settings() -> None:
    assert "](../docs/settings.md)" in (ROOT / "cdk" / "README.md").read_text()


def test_context_of_the_cdk_is_ignored() -> None:
    own = {"@aws-cdk/core:x": True, "aws:cdk:y": 1, "availability-zones:z": [], "cli-telemetry": 0}
    assert Config.from_context(own) == Config()


def test_text_values_from_the_command_line_are_parsed() -> None:
    config = Config.from_context(
        {
            "log_content": "true",
            "mask_log_content": "false",
            "max_identities": "20",
            "notify_emails": "a@example.com, b@example.com",
            "regions": "us-east-1,eu-west-1",
            "known_log_policies": "data-protection, transformer",
            "role_rollup_patterns": '["^[0-9]{1,3}$"]',
            "identity_thresholds": '{"warning": null, "critical": 5}',
            "account_thresholds": '[{"window": "day", "critical": 9}]',
        }
    )
    assert config.log_content
    assert not config.mask_log_content
    assert config.max_identities == 20
    assert config.notify_emails == ("a@example.com", "b@example.com")
    assert config.regions == ("us-east-1", "eu-west-1")
    assert config.known_log_policies == ("data-protection", "transformer")
    assert config.role_rollup_patterns == ("^[0-9]{1,3}$",)
    assert config.identity_thresholds == Thresholds(critical=5)
    assert config.account_thresholds == (WindowThresholds(window=Window.DAY, critical=9),)


@pytest.mark.parametrize(
    ("setting", "value", "reason"),
    [
        ("metric_detail", "ful", "metric_detail = 'ful': allowed: 'standard' or 'full'"),
        ("max_identities", "250", "less than or equal to 248"),
        ("max_models", "250", "less than or equal to 248"),
        ("batch_output_buckets", "Results", "the name of an S3 bucket"),
        ("batch_output_buckets", "results/*", "the name of an S3 bucket"),
        ("batch_output_buckets", "results,results", "each value once"),
        ("batch_output_buckets", ",".join(f"bucket-{n}" for n in range(21)), "at most 20"),
        ("log_retention_days", "31", "allowed: 1, 3, 5"),
        ("existing_logging", "overwrite", "'refuse', 'adopt' or 'replace'"),
        ("alarm_metric", "Invocations", "'QuotaTokens' or 'TotalTokens'"),
        (
            "identity_thresholds",
            {"warning": 5, "critical": 5},
            "identity_thresholds.warning = 5: allowed: an amount below critical (5)",
        ),
        ("account_thresholds", "[", "allowed: JSON"),
        ("role_rollup_patterns", ["("], "no regular expression"),
        ("notify_emails", ["me@example"], "allowed: an e-mail address"),
        ("notify_emails", ["me@example..com"], "allowed: an e-mail address"),
        ("weekly_summary", "weekly", "allowed: true or false"),
        ("notify_emails", ["invalid"], "notify_emails.0 = 'invalid': allowed: an e-mail address"),
        ("notify_https", ["http://example.com"], "starts with https://"),
        ("regions", ["somewhere"], "allowed: a Region, such as us-east-1"),
        ("regions", ["us-east-9"], "regions.0 = 'us-east-9': not an AWS Region; did you mean us-"),
        ("denied_regions", "eu-wset-1", "not an AWS Region; did you mean eu-west-1"),
        ("log_retention_days", "45", "log_retention_days = 45: allowed: 1, 3"),
        ("anomaly_band", "11", "anomaly_band = 11: allowed: less than or equal to 10"),
        ("max_identities", "abc", "max_identities = 'abc': allowed: a whole number"),
        ("ledger_retention_days", 401, "less than or equal to 400"),
        ("regions", "us-east-1,us-east-1", "each value once; repeated: us-east-1"),
        ("notify_emails", "a@b.c,a@b.c", "allowed: each value once"),
        ("extra_dashboards", "cost_and_budgets", "cost_and_budgets is now called cost"),
        ("extra_dashboards", ["quota_and_throttling"], "is now called throttling"),
        ("extra_dashboards", [["cost"]], "allowed: 'model_comparison', 'cost' or 'throttling'"),
        ("notify_https", ["https://a b"], "starts with https://"),
        ("log_content", "maybe", "allowed: true or false"),
        ("price_updates", None, "allowed: true or false"),
        ("price_updates", [], "allowed: true or false"),
        ("price_list_url", 3, "price_list_url = 3: allowed: text"),
        ("price_list_url", "https://[::1", "allowed: https:// and a host, without a path"),
        ("identity_thresholds", 5, 'allowed: an object, such as {"warning"'),
        ("account_thresholds", {"critical": 5}, "allowed: a list"),
        ("model_thresholds", {"critical": 2**53 + 1}, "less than or equal to 9007199254740992"),
        ("contracted_prices", [{"model": "m"}], "contracted_prices.0.effective_from is missing"),
        ("contracted_prices", [CONTRACTED | {"model": f"us.{SONNET_4}"}], f"so {SONNET_4}"),
        ("contracted_prices", [CONTRACTED | {"model": "us.anthropic*"}], "so anthropic*"),
        ("contracted_prices", [CONTRACTED | {"model": f"{ARN}{SONNET_4}"}], f"so {SONNET_4}"),
        (
            "contracted_prices",
            [CONTRACTED | {"effective_from": 1728000000}],
            "such as 2026-09-01 for",
        ),
        ("contracted_prices", [CONTRACTED | {"effective_from": "1728000000"}], "ISO 8601 text"),
        ("attribution", {"own_tags_first_from": 20260901}, "ISO 8601"),
        (
            "contracted_prices",
            [CONTRACTED | {"effective_fron": "2026-01-01"}],
            "contracted_prices.0.effective_fron: unknown setting; did you mean effective_from?",
        ),
        ("named_models", [{"model": "m", "limit": 5}], "allowed: warning, critical, window, model"),
        (
            "contracted_prices",
            [CONTRACTED],
            "contracted_prices.0: allowed: usd_per_million, disc",
        ),
        ("contracted_prices", [CONTRACTED | {"discount_percent": 100}], "less than 100"),
        ("contracted_prices", [CONTRACTED | {"discount_percent": "1.23456"}], "4 decimal places"),
        ("contracted_prices", [CONTRACTED | {"usd_per_million": {"input": "1e-10"}}], "9 decimal"),
        ("contracted_prices", [CONTRACTED | {"usd_per_million": {"input": -1}}], "equal to 0"),
        ("contracted_prices", [CONTRACTED | {"usd_per_million": {"in": 1}}], "'input', 'output'"),
        ("contracted_prices", [OF_A_TIER | {"service_tier": "standard"}], "leave service_tier out"),
        ("contracted_prices", [OF_A_TIER | {"service_tier": ""}], "leave service_tier out"),
        (
            "contracted_prices",
            [OF_A_TIER | {"service_tier": "Flex"}],
            "contracted_prices.0.service_tier = 'Flex': allowed: flex, priority",
        ),
        ("attribution", {"patterns": [{"project": "x"}]}, "patterns.0.effective_from is missing"),
        ("attribution", {"label_names": {"project": ["a" * 99] * 14}}, "3 names at most"),
        ("attribution", {"label_name": {}}, "unknown setting"),
        ("attribution", {"trusted_profiles": ["arn:aws:bedrock"]}, "allowed: an object"),
        ("attribution", [], "attribution = []: allowed: an object\n"),
        ("tags", {"aws:owner": "x"}, "tags.aws:owner = 'aws:owner': allowed: a key of 1 to 128"),
        ("tags", {"owner": "x" * 257}, "allowed: a value of up to 256 characters"),
        ("tags", {str(n): "" for n in range(41)}, "allowed: up to 40 tags"),
        ("named_identities", [{"identity": "Zoë", "critical": 5}], "printable ASCII"),
        ("named_identities", [{"identity": "alice", "critical": 5}], "allowed: an ARN, unknown,"),
        ("named_models", [{"model": " ", "critical": 5}], "printable ASCII"),
        ("named_identities", [{"identity": "x" * 256, "critical": 5}], "255 characters at most"),
        ("named_models", [{"model": f"us.{SONNET_4}", "critical": 5}], f"so {SONNET_4}"),
        ("named_models", [{"model": f"{ARN}{SONNET_4}", "critical": 5}], f"so {SONNET_4}"),
        ("named_models", [{"model": "anthropic.*", "critical": 5}], "allowed: one model, without"),
        ("attribution", {"patterns": [US_PATTERN]}, "so anthropic.*"),
        ("named_models", [{"model": "m"}], "named_models.0.critical is missing"),
        ("adopted_log_group", "a b", "allowed: the name of a log group"),
        ("ledger_retention_days", 14, "greater than or equal to 15"),
        ("billing_account_id", "1234", "allowed: the 12 digits of an account, or an empty text"),
        ("ledger_retention_days", 61, "allowed: 62 or more if focus_export is true"),
    ],
)
def test_an_invalid_value_is_reported_with_field_value_and_allowed_values(
    setting: str, value: Any, reason: str
) -> None:
    text = f"{refusal(**{setting: value})}\n"
    assert setting in text
    assert reason in text
    assert len(text) < 300


def test_a_misspelt_setting_is_refused() -> None:
    assert "metric_detial: unknown setting; did you mean metric_detail?" in refusal(
        metric_detial="full"
    )


def test_every_problem_is_reported_at_once() -> None:
    assert len(refusal(max_identities=0, metric_detail="x").splitlines()) == 3


def test_a_contracted_price_of_zero_makes_a_model_free_per_token() -> None:
    free = CONTRACTED | {"usd_per_million": {"input": 0, "output": 0}}
    record = usage_record(model_id="m", invoked_model_id="m")
    cost = price_call(record, Config.from_context({"contracted_prices": [free]}).pricing)
    assert isinstance(cost, Cost)
    assert cost.effective_usd == 0


def test_a_contracted_price_of_a_service_tier_applies_only_to_its_calls() -> None:
    agreed = CONTRACTED | {"usd_per_million": {"input": 0, "output": 2}, "service_tier": "flex"}
    pricing = Config.from_context({"contracted_prices": [agreed]}).pricing
    tokens = TokenCounts(input=0, output=1_000_000)
    record = usage_record(model_id="m", invoked_model_id="m", tokens=tokens)
    cost = price_call(record._replace(service_tier="flex"), pricing)
    assert isinstance(cost, Cost)
    assert cost.effective_usd == 2
    assert price_call(record, pricing) is Unpriced.NO_PRICE


@pytest.mark.parametrize("is_assumed", [True, False])
def test_a_price_from_another_region_is_assumed_unless_switched_off(*, is_assumed: bool) -> None:
    pricing = Config.from_context({"assume_prices": is_assumed}).pricing
    model_id = "cohere.command-r-v1:0"  # listed in two Regions of the United States alone
    record = usage_record(model_id=model_id, invoked_model_id=model_id, region="eu-west-1")
    assert isinstance(price_call(record, pricing), Cost) is is_assumed
    assert (price_call(record, pricing) is Unpriced.ONLY_ASSUMED) is not is_assumed


def test_a_model_has_one_contracted_price_per_day() -> None:
    two = [CONTRACTED | {"discount_percent": percent} for percent in (10, 50)]
    assert "allowed: one for each model, day and service tier" in refusal(contracted_prices=two)
    of_tiers = [two[0], OF_A_TIER, OF_A_TIER | {"service_tier": "priority"}]
    assert len(Config.from_context({"contracted_prices": of_tiers}).contracted_prices) == 3


@pytest.mark.parametrize("model", ["", " m", "anthropic.*-v1:0", "a b"])
def test_a_contracted_price_that_could_never_apply_is_refused(model: str) -> None:
    reason = refusal(contracted_prices=[CONTRACTED | {"model": model, "discount_percent": 5}])
    assert "contracted_prices.0.model" in reason


def test_a_short_ledger_retention_is_allowed_without_exports() -> None:
    short = {"ledger_retention_days": 15, "focus_export": "false"}
    assert Config.from_context(short).ledger_retention_days == 15


def test_adopting_needs_the_name_of_the_log_group() -> None:
    assert "adopted_log_group: allowed: the log group that Bedrock already writes" in refusal(
        existing_logging="adopt"
    )


def test_a_log_group_name_requires_the_adopt_policy() -> None:
    assert "existing_logging is 'adopt'" in refusal(adopted_log_group="/audit/bedrock")


def test_each_window_has_one_threshold() -> None:
    twice = [{"window": "day", "critical": 1}, {"window": "day", "critical": 2}]
    assert "account_thresholds: allowed: each window once" in refusal(account_thresholds=twice)


def test_the_default_identity_thresholds_are_those_of_the_domain() -> None:
    assert Config().identity_thresholds.by_severity() == {
        threshold.severity: threshold.quota_tokens for threshold in DEFAULT_THRESHOLDS
    }


def test_a_warning_can_be_switched_off() -> None:
    assert Thresholds(critical=3).by_severity() == {Severity.CRITICAL: 3}
