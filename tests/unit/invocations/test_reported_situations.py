"""Situations that people reported in public, against answers worked out by hand.

Sources: `tests/fixtures/README.md`.
"""

import pytest

from lambdas.domain.invocations import TokenCounts, UsageRecord, read_message
from tests.unit.invocations.records import FIXTURES


def read_case(name: str) -> list[UsageRecord]:
    (folder,) = (FIXTURES / "cases").glob(f"{name}-*")
    lines = (folder / "input.ndjson").read_text(encoding="utf-8").splitlines()
    records = [read_message(line) for line in lines]
    assert all(isinstance(record, UsageRecord) for record in records)
    return [record for record in records if isinstance(record, UsageRecord)]


@pytest.mark.parametrize(
    ("case", "tokens"),
    [
        pytest.param(
            "01", [TokenCounts(2, 32, 0, 5018), TokenCounts(2, 42, 5018, 52)], id="inside_the_input"
        ),
        pytest.param("01b", [TokenCounts(2, 17, 0, 4993)], id="beside_the_input"),
        pytest.param("02", [TokenCounts(200, 300, 2000, 400)], id="responses_api"),
        pytest.param("04", [TokenCounts(0)] * 10, id="embedded_images"),
        pytest.param(
            "05",
            [TokenCounts(100_000, 20_000), TokenCounts(10_000, 1_000), TokenCounts(10_000, 1_000)],
            id="latency_optimized",
        ),
        pytest.param("09", [TokenCounts(203_000, 4_500, 0, 0)] * 2, id="compaction"),
        pytest.param("11", [TokenCounts(1_000, 200)], id="prompt_router"),
        pytest.param("12", [TokenCounts(3, 400, 0, 20_000, 20_000)] * 2, id="kept_for_an_hour"),
        pytest.param("18", [*[TokenCounts()] * 3, TokenCounts(0, 0)], id="rerank"),
        pytest.param("20", [TokenCounts(), TokenCounts(14, 9)], id="mistral_without_counts"),
        pytest.param("26", [TokenCounts(33, 2)], id="guardrail"),
        pytest.param(
            "28",
            [*[TokenCounts(1_000_000, 100_000)] * 4, TokenCounts(1_000_000)],
            id="retired_models",
        ),
    ],
)
def test_tokens_match_hand_calculated_counts(case: str, tokens: list[TokenCounts]) -> None:
    records = read_case(case)
    assert [record.tokens for record in records] == tokens
    assert [record.usage_doubt for record in records] == [None] * len(tokens)


def test_the_total_for_openai_on_converse_stream_counts_no_token_twice() -> None:
    assert [record.tokens.total for record in read_case("01")] == [5_052, 5_114]


def test_embedded_images_are_units_if_their_tokens_are_not_counted() -> None:
    assert [record.billed_units for record in read_case("04")] == [(("image", 1),)] * 10


def test_the_served_latency_sets_the_tier() -> None:
    tiers = [record.service_tier for record in read_case("05")]
    assert tiers == ["latency-optimized", "latency-optimized", None]


def test_a_prompt_router_names_its_chosen_model() -> None:
    (record,) = read_case("11")
    profile = "inference-profile/us.anthropic.claude-3-5-haiku-20241022-v1:0"
    router = "default-prompt-router/anthropic.claude:1"
    assert record.model_id == "anthropic.claude-3-5-haiku-20241022-v1:0"
    assert record.invoked_model_id == f"arn:aws:bedrock:us-east-1:111122223333:{profile}"
    assert record.prompt_router == f"arn:aws:bedrock:us-east-1:111122223333:{router}"


def test_a_stream_names_the_model_behind_an_application_profile() -> None:
    through_profile, named = read_case("12")
    assert through_profile.model_id == named.model_id == "anthropic.claude-opus-4-8"
    assert "application-inference-profile/" in through_profile.invoked_model_id


def test_search_units_are_reported_and_never_estimated() -> None:
    units = [record.billed_units for record in read_case("18")]
    assert units == [(), (("search_unit", 1),), (), ()]


def test_units_of_a_guardrail_are_reported_beside_the_tokens() -> None:
    (record,) = read_case("26")
    assert record.billed_units == (("guardrail_content_unit", 1), ("guardrail_topic_unit", 1))
