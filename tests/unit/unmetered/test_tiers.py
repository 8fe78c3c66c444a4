"""Calls at service tiers that logs without content do not name are found and explained."""

from datetime import timedelta

import pytest

from lambdas.domain.unmetered import TierCalls, misread_tiers, tier_notice, traffic_window
from lambdas.domain.unmetered.tiers import choose_tiers
from tests.builders import HAIKU_3, NOON, SONNET_4

WINDOW = traffic_window(NOON + timedelta(minutes=20))


@pytest.mark.parametrize("tier", ["default", "Default", "standard", "STANDARD", "auto"])
def test_the_standard_tier_is_priced_correctly(tier: str) -> None:
    assert misread_tiers([TierCalls(HAIKU_3, tier, 5)]) == []


@pytest.mark.parametrize("tier", ["priority", "Priority", "flex", "reserved", "", "brand new"])
def test_any_other_tier_is_misread(tier: str) -> None:
    row = TierCalls(HAIKU_3, tier, 5)
    assert misread_tiers([row, TierCalls(HAIKU_3, tier, 0)]) == [row]


@pytest.mark.parametrize("metrics", [0, 1, 200, 201, 1_000, 1_001])
def test_metrics_beyond_the_limit_are_read_in_turns(metrics: int) -> None:
    listed = [(f"model-{number}", "flex", "flex") for number in range(metrics)]
    hours = [traffic_window(NOON + timedelta(hours=hour)) for hour in range(6)]
    parts = [choose_tiers(listed, window) for window in hours]
    assert max(map(len, parts)) == -(-metrics // max(1, -(-metrics // 200))) <= 200
    assert {values for part in parts for values in part} == set(listed)


def test_a_notice_names_models_calls_tiers_and_the_effect_on_cost() -> None:
    rows = misread_tiers(
        [
            TierCalls(HAIKU_3, "flex", 40),
            TierCalls(SONNET_4, "Priority", 1_234),
            TierCalls(SONNET_4, "new", 1),
            TierCalls(SONNET_4, "default", 9),
        ]
    )
    notice = tier_notice(rows, WINDOW)
    assert notice.subject == "Bedrock Meter: calls are priced at the wrong service tier"
    lines = notice.text.splitlines()
    assert lines[1:-1] == [
        f"- {SONNET_4}: 1,234 calls at Priority",
        f"- {HAIKU_3}: 40 calls at flex",
        f"- {SONNET_4}: 1 calls at new",
        "flex costs less than standard: the cost in metrics and reports is too high.",
        "new has other prices: the cost in metrics and reports is wrong.",
        "priority costs more than standard: the cost in metrics and reports is too low.",
    ]
    assert "log_content" in lines[-1]


def test_a_notice_of_many_rows_is_truncated() -> None:
    rows = [TierCalls(f"model-{number}", "flex", 1) for number in range(25)]
    assert "- and 5 more" in tier_notice(rows, WINDOW).text


def test_spellings_of_a_tier_share_one_key_per_day() -> None:
    keys = {TierCalls(HAIKU_3, tier, 1).key_on(WINDOW) for tier in ("flex", "Flex")}
    assert keys == {f"tier/{HAIKU_3}/flex/{NOON:%Y-%m-%d}"}
