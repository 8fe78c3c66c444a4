"""What is deployed is the file in `dashboards/`, but for Region, thresholds and links."""

import json
import re
from typing import Any

import pytest

from cdk.components.dashboards import (
    FOLDER,
    NAMES,
    WRITTEN_ALARMS,
    WRITTEN_FOR,
    dashboard_body,
    dashboard_url,
    deployed_dashboards,
)
from cdk.config import Config
from cdk.thresholds import token_thresholds
from tests.infrastructure.synthesis import CONFIGURATIONS, deployment, resources

REGION = "eu-west-1"
ALARMS = "arn:aws:cloudwatch:eu-west-1:999988887777:alarm:"
ALL = {"extra_dashboards": ["model_comparison", "cost_and_budgets", "quota_and_throttling"]}
each_dashboard = pytest.mark.parametrize("file", NAMES)


def written(file: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((FOLDER / f"{file}.json").read_text())
    return body


def deployed(file: str, region: str = REGION, **context: Any) -> dict[str, Any]:
    config = Config.from_context(context)
    return dashboard_body(
        file,
        region=region,
        alarms=WRITTEN_ALARMS if region == WRITTEN_FOR else ALARMS,
        deployed=deployed_dashboards(config),
        thresholds=token_thresholds(config),
        metric_name=config.alarm_metric,
    )


def thresholds_in(body: dict[str, Any]) -> dict[str, list[tuple[str, int]]]:
    return {
        it["properties"]["title"]: [
            (line["label"], line["value"]) for line in it["properties"]["annotations"]["horizontal"]
        ]
        for it in body["widgets"]
        if "annotations" in it["properties"]
    }


@each_dashboard
def test_with_the_defaults_and_its_own_region_a_file_is_deployed_as_it_stands(file: str) -> None:
    assert deployed(file, WRITTEN_FOR, **ALL) == written(file)


@each_dashboard
@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_nothing_but_region_thresholds_and_links_differs(file: str, configuration: str) -> None:
    body = deployed(file, **{**CONFIGURATIONS[configuration], **ALL})
    for left, right in zip(written(file)["widgets"], body["widgets"], strict=True):
        for widget in (left, right):
            widget["properties"].pop("annotations", None)
        if "region" in left["properties"]:
            assert right["properties"].pop("region") == REGION
            del left["properties"]["region"]
        if left["type"] == "text":
            text = right["properties"].pop("markdown")
            assert text == left["properties"].pop("markdown").replace(WRITTEN_FOR, REGION)
        if left["type"] == "alarm":
            names = [it.removeprefix(ALARMS) for it in right["properties"].pop("alarms")]
            assert [f"{WRITTEN_ALARMS}{it}" for it in names] == left["properties"].pop("alarms")
        assert left == right
    assert {**body, "widgets": []} == {**written(file), "widgets": []}


def test_thresholds_are_drawn_into_the_graphs_of_their_metric_and_window() -> None:
    overview = thresholds_in(deployed("usage_overview", **CONFIGURATIONS["everything"]))
    assert overview == {
        "Account: total tokens an hour": [("Critical", 3)],
        "Account: total tokens a day": [("Warning", 1), ("Critical", 3)],
        "Models: total tokens an hour": [("Warning", 10_000_000), ("Critical", 50_000_000)],
        "Models: total tokens a day": [("Critical (amazon.nova-lite-v1:0)", 7)],
        "Identities: total tokens an hour": [("Critical", 2_000_000)],
    }
    identity = thresholds_in(deployed("identity_detail", **CONFIGURATIONS["everything"]))
    assert identity == {
        "Identity: total tokens an hour": [("Critical", 2_000_000)],
        "Identity: total tokens a week": [
            ("Warning (arn:aws:iam::111122223333:role/app)", 5),
            ("Critical (arn:aws:iam::111122223333:role/app)", 9),
        ],
    }


def test_every_threshold_is_drawn_somewhere() -> None:
    for context in CONFIGURATIONS.values():
        drawn = [
            line
            for file in ("usage_overview", "identity_detail")
            for lines in thresholds_in(deployed(file, **context)).values()
            for line in lines
        ]
        for threshold in token_thresholds(Config.from_context(context)):
            assert threshold.tokens in [value for _, value in drawn]


@pytest.mark.parametrize(
    ("configuration", "files"),
    [
        ("default", {"usage_overview", "identity_detail", "pipeline_health"}),
        ("everything", set(NAMES)),
    ],
)
def test_dashboards_that_cost_are_asked_for_and_all_are_named_for_their_region(
    configuration: str, files: set[str]
) -> None:
    template = deployment(configuration).monitoring
    found = resources(template, "AWS::CloudWatch::Dashboard").values()
    names = [it["DashboardName"]["Fn::Join"][1] for it in found]
    assert sorted(names, key=str) == sorted(
        ([f"{NAMES[file]}-", {"Ref": "AWS::Region"}] for file in files), key=str
    )


@each_dashboard
@pytest.mark.parametrize("context", [{}, ALL])
def test_links_lead_to_the_dashboards_of_the_same_region_that_are_deployed(
    file: str, context: dict[str, Any]
) -> None:
    text = deployed(file, **context)["widgets"][0]["properties"]["markdown"]
    there = deployed_dashboards(Config.from_context(context))
    others = [dashboard_url(it, REGION) for it in there if it != file]
    assert re.findall(r"\((https://[^)]+)\)", text) == others


def test_alarms_on_a_dashboard_are_those_that_are_deployed() -> None:
    found = resources(deployment().monitoring, "AWS::CloudWatch::Alarm").values()
    (widget,) = (it for it in written("pipeline_health")["widgets"] if it["type"] == "alarm")
    names = [it.removeprefix(WRITTEN_ALARMS) for it in widget["properties"]["alarms"]]
    assert sorted(names) == sorted(
        it["AlarmName"] for it in found if it["AlarmName"].startswith("BedrockMeter-Health-")
    )


@pytest.mark.parametrize(
    ("region", "console"),
    [
        ("eu-west-1", "https://eu-west-1.console.aws.amazon.com/"),
        ("us-gov-west-1", "https://us-gov-west-1.console.amazonaws-us-gov.com/"),
        ("cn-north-1", "https://cn-north-1.console.amazonaws.cn/"),
    ],
)
def test_links_lead_to_the_console_of_the_partition(region: str, console: str) -> None:
    assert dashboard_url("usage_overview", region).startswith(console)
    body = deployed("usage_overview", region)
    links = re.findall(r"https://[^/]*/", body["widgets"][0]["properties"]["markdown"])
    assert {link for link in links if "console" in link} == {console}
