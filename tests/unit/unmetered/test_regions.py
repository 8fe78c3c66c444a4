"""Calls in other Regions that no deployment counts are found and named."""

from datetime import timedelta

import pytest

from lambdas.domain.unmetered import (
    RegionTraffic,
    is_first_deployment,
    region_keys,
    region_notice,
    traffic_window,
)
from tests.builders import HAIKU_3, NOON, SONNET_4

WINDOW = traffic_window(NOON + timedelta(minutes=20))
NORTH = "eu-north-1"


def test_all_calls_in_a_region_without_a_meter_are_unmetered() -> None:
    traffic = RegionTraffic(NORTH, {HAIKU_3: 7, SONNET_4: 1}, {"gpt": 3}, metered_calls=None)
    assert traffic.unmetered_calls == 11


@pytest.mark.parametrize(
    ("metered", "unmetered"),
    [(1_000, 0), (1_005, 0), (995, 0), (994, 6), (1, 999), (0, 1_000)],
)
def test_a_deployment_that_counts_far_fewer_calls_than_bedrock_is_unmetered(
    metered: int, unmetered: int
) -> None:
    traffic = RegionTraffic(NORTH, {HAIKU_3: 1_000}, {}, metered_calls=metered)
    assert traffic.unmetered_calls == unmetered


def test_mantle_calls_in_a_region_with_a_deployment_are_left_to_its_alarm() -> None:
    assert RegionTraffic(NORTH, {}, {"gpt": 3}, metered_calls=0).unmetered_calls == 0


def test_a_quiet_region_has_no_unmetered_calls() -> None:
    assert RegionTraffic(NORTH).unmetered_calls == 0


def test_a_notice_names_region_models_calls_and_period() -> None:
    notice = region_notice(RegionTraffic(NORTH, {HAIKU_3: 1_200}, {"gpt": 3_000}), WINDOW)
    assert notice.subject == "Bedrock Meter: calls in a Region that is not metered"
    lines = notice.text.splitlines()
    assert lines[0] == (
        f"Between {NOON:%Y-%m-%d} 10:00 and 12:00 UTC, Amazon Bedrock was called in eu-north-1. No"
        " deployment of Bedrock Meter counted 4,200 of these calls:"
    )
    assert lines[1:3] == ["- gpt: 3,000 calls through bedrock-mantle", f"- {HAIKU_3}: 1,200 calls"]
    assert "docs/security.md" in lines[-1]


def test_a_notice_gives_the_count_of_a_deployment_in_the_region() -> None:
    text = region_notice(RegionTraffic(NORTH, {HAIKU_3: 1_000}, {"gpt": 9}, 10), WINDOW).text
    assert "Metrics of Bedrock Meter in that Region show 10 of 1,000 calls." in text
    assert "gpt" not in text


def test_a_notice_about_many_models_names_those_with_the_most_calls() -> None:
    calls = {f"model-{number:02}": number for number in range(1, 26)}
    text = region_notice(RegionTraffic(NORTH, calls), WINDOW).text
    assert "- model-25: 25 calls" in text
    assert "- model-05:" not in text
    assert "- and 5 more; see the" in text


def test_a_model_name_cannot_forge_lines_of_a_notice() -> None:
    text = region_notice(RegionTraffic(NORTH, {"x\nAll is well": 5}), WINDOW).text
    assert "\nAll is well" not in text


@pytest.mark.parametrize(
    ("regions", "is_first"),
    [
        ((), True),
        (("us-east-1",), True),
        (("us-east-1", NORTH), True),
        ((NORTH, "us-east-1"), False),
    ],
)
def test_the_first_configured_deployment_checks_other_regions(
    regions: tuple[str, ...], is_first: bool
) -> None:
    assert is_first_deployment("us-east-1", regions) is is_first


def test_a_window_is_two_whole_hours_that_ended_a_quarter_of_an_hour_ago() -> None:
    late = traffic_window(NOON + timedelta(minutes=14, seconds=59))
    assert (late.start, late.end) == (NOON - timedelta(hours=3), NOON - timedelta(hours=1))
    assert traffic_window(NOON + timedelta(minutes=15)).end == NOON
    assert WINDOW.middle == NOON - timedelta(hours=1)


def test_all_windows_of_a_day_share_one_key() -> None:
    midnight, traffic = NOON.replace(hour=0, minute=20), RegionTraffic(NORTH, {HAIKU_3: 5})
    windows = [traffic_window(midnight + timedelta(hours=hour)) for hour in range(48)]
    keys = [key for window in windows for key in region_keys(traffic, window)]
    assert len(set(keys)) == 3
    assert max(keys.count(key) for key in keys) == 24
