"""Each example of docs/extending.md works as the page shows it, in a copy of the project."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cdk.operations.billed_metrics import HEALTH_ALARM_METRICS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "extending.md"
COPIED = ("lambdas", "cdk", "dashboards", "docs", "tests", "cdk.json", "pyproject.toml", "uv.lock")
STEP = re.compile(
    r"(?P<place>In|Add|At the end of) `(?P<path>[^`]+)`:\n\n```(?P<language>\w+)\n"
    r"(?P<block>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
RAISED_NUMBER = re.compile(r"In `(?P<path>[^`]+)`, add (?P<more>\d+) to\s`(?P<name>\w+)`\.")
PYTEST = re.compile(r"^\.venv/bin/python -m pytest -q (.+)$", re.MULTILINE)
OWN_VARIABLES = ("PYTEST_", "COV_", "COVERAGE_")
PUBLISHED_POINTS = """
from lambdas.domain.invocations import TokenCounts
from lambdas.domain.metrics import MetricPublishing
from lambdas.domain.metrics.catalog import Detail
from tests.builders import metered, usage_record
from tests.fakes import InMemoryMetricSink

sink = InMemoryMetricSink()
calls = [
    metered(usage_record(request_id=str(output), tokens=TokenCounts(input=1, output=output)))
    for output in (4000, 4001, 5000)
]
MetricPublishing(sink, Detail.STANDARD).publish(calls, lambda: True)
for points in sink.calls:
    for point in points:
        if point.metric.name == "LongOutputs":
            print(point.dimensions, point.values)
"""


class MissingPlaceError(Exception):
    """A file does not have the lines that the page shows. The text says what to fix."""


@dataclass(frozen=True)
class Checkout:
    """A copy of the project."""

    folder: Path

    def follow(self, title: str) -> None:
        """Make the changes that a section of the page shows."""
        steps = list(STEP.finditer(read_section(title)))
        assert steps
        for step in steps:
            path = self.folder / step["path"]
            if step["place"] == "Add":
                assert not path.exists()
                path.write_text(step["block"])
            elif step["place"] == "At the end of":
                path.write_text(f"{path.read_text()}\n\n{step['block']}")
            else:
                assert step["language"] == "diff"
                place = f"{step['path']} (docs/extending.md, {title})"
                path.write_text(change(path.read_text(), step["block"], place))
        for step in RAISED_NUMBER.finditer(read_section(title)):
            path = self.folder / step["path"]
            (number,) = re.findall(rf"^{step['name']} = (\d+)$", path.read_text(), re.MULTILINE)
            raised = f"{step['name']} = {int(number) + int(step['more'])}"
            path.write_text(path.read_text().replace(f"{step['name']} = {number}", raised))
        self.lint(*(step["path"] for step in steps if step["path"].endswith(".py")))

    def lint(self, *paths: str) -> None:
        """Check that changed files have the project's format and style."""
        self.run("-m", "ruff", "format", "--check", "--quiet", *paths)
        self.run("-m", "ruff", "check", "--quiet", "--no-cache", *paths)

    def run(self, *arguments: str, exit_code: int = 0, **variables: str) -> str:
        """Run Python with the copy's code; returns what is printed."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(OWN_VARIABLES)
        }
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env={**inherited, **variables},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == exit_code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def meter(self, *arguments: str) -> str:
        return self.run("-c", "from dashboards.command_line import main; main()", *arguments)

    def run_tests(self, title: str, *options: str) -> None:
        """Run the tests that a section names."""
        (files,) = PYTEST.findall(read_section(title))
        self.run("-m", "pytest", "-q", "-p", "no:cacheprovider", *files.split(), *options)

    def synthesize(self, *, exit_code: int = 0, **settings: str) -> str:
        context = json.loads((self.folder / "cdk.json").read_text())["context"]
        context |= {"aws:cdk:disable-asset-staging": True, **settings}
        return self.run(
            *("-m", "cdk.app"),
            exit_code=exit_code,
            CDK_CONTEXT_JSON=json.dumps(context),
            CDK_OUTDIR=str(self.folder / "cdk.out"),
        )

    def resources(self, stack: str, resource_type: str) -> Iterator[dict[str, Any]]:
        template = json.loads((self.folder / "cdk.out" / f"{stack}.template.json").read_text())
        for resource in template["Resources"].values():
            if resource["Type"] == resource_type:
                yield resource["Properties"]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    folder = tmp_path / "checkout"
    folder.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy2(source, folder / name)
    # Layers are named by their content: what one checkout has installed serves all.
    bundles = ROOT / ".bundles"
    bundles.mkdir(exist_ok=True)
    (folder / ".bundles").symlink_to(bundles)
    return Checkout(folder)


def read_section(title: str) -> str:
    sections = PAGE.read_text(encoding="utf-8").split("\n## ")
    (section,) = (text for text in sections if text.startswith(f"{title}\n"))
    return section


def change(text: str, diff: str, place: str) -> str:
    """Change a text as a diff shows it.

    Raises:
        MissingPlaceError: The lines that show the place are not in the text, or more than once.
    """
    for hunk in diff.split("@@\n"):
        lines = [(line[:1], line[1:]) for line in hunk.splitlines()]
        before, after = (
            "".join(f"{line}\n" for sign, line in lines if sign != left_out) for left_out in "+-"
        )
        if text.count(before) != 1:
            message = (
                f"{place}: these lines are not there exactly once. Show the place in the page as it"
                f" is now, or put it back:\n{before}"
            )
            raise MissingPlaceError(message)
        text = text.replace(before, after)
    return text


def test_tokens_of_a_new_body_shape_are_metered(checkout: Checkout) -> None:
    record = {
        "schemaType": "ModelInvocationLog",
        "timestamp": "2026-09-08T12:00:00Z",
        "accountId": "111122223333",
        "region": "us-east-1",
        "requestId": "1",
        "operation": "InvokeModel",
        "modelId": "example.model-v1:0",
        "output": {
            "outputBodyJson": {
                "token_usage": {"prompt_tokens_total": 12, "completion_tokens_total": 5}
            }
        },
    }
    (checkout.folder / "invocations.json").write_text(json.dumps(record))
    command = ("meter", "--out", "summary.json", "--", "invocations.json")
    summary = checkout.folder / "summary.json"
    checkout.meter(*command)
    (model,) = json.loads(summary.read_text())["by_model"]
    assert model["records_missing_counts"] == 1

    checkout.follow("A body shape")
    checkout.meter(*command)
    (model,) = json.loads(summary.read_text())["by_model"]
    assert (model["input_tokens"], model["output_tokens"]) == (12, 5)
    assert model["records_missing_counts"] == 0
    checkout.run_tests("A body shape", "-k", "token_usage_totals")


def test_a_new_metric_is_published_for_the_account_and_for_models(checkout: Checkout) -> None:
    assert checkout.run("-c", PUBLISHED_POINTS) == ""
    checkout.follow("A metric")
    account, model = checkout.run("-c", PUBLISHED_POINTS).splitlines()
    counted_twice = "Distribution(values=(1,), counts=(2,))"
    assert account == f"() {counted_twice}"
    assert model.startswith("(('ModelId',")
    assert model.endswith(counted_twice)
    checkout.run_tests("A metric")


def test_a_new_alarm_is_deployed_with_its_runbook_and_its_line(checkout: Checkout) -> None:
    checkout.follow("An alarm")
    checkout.synthesize()
    stack = "BedrockMeter-Monitoring"
    (alarm,) = (
        alarm
        for alarm in checkout.resources(stack, "AWS::CloudWatch::Alarm")
        if alarm["AlarmName"] == "BedrockMeter-Health-PriceReloadFailures"
    )
    assert alarm["MetricName"] == "PriceReloadFailures"
    assert alarm["AlarmActions"]
    (page,) = re.findall(r"docs/runbooks/\w+\.md", json.dumps(alarm["AlarmDescription"]))
    assert (checkout.folder / page).is_file()
    (widget,) = (
        widget
        for dashboard in checkout.resources(stack, "AWS::CloudWatch::Dashboard")
        for widget in read_body(dashboard)["widgets"]
        if "PriceReloadFailures" in str(widget["properties"].get("metrics"))
    )
    (line,) = widget["properties"]["annotations"]["horizontal"]
    assert (line["label"], line["value"]) == ("Alarm", alarm["Threshold"])
    billed = "from cdk.operations.billed_metrics import HEALTH_ALARM_METRICS as n; print(n)"
    assert int(checkout.run("-c", billed)) == HEALTH_ALARM_METRICS + 1
    checkout.run_tests("An alarm", "-k", "runbook or deployed_dashboards or of_the_template")


def read_body(dashboard: dict[str, Any]) -> dict[str, Any]:
    """Read a dashboard's body; a value that is known only once deployed becomes a word."""
    _, parts = dashboard["DashboardBody"]["Fn::Join"]
    text = "".join(part if isinstance(part, str) else "deployed" for part in parts)
    body: dict[str, Any] = json.loads(text)
    return body


def test_a_new_setting_is_validated_and_reaches_its_function(checkout: Checkout) -> None:
    checkout.follow("A setting")
    refusal = checkout.synthesize(exit_code=1, example_note="x" * 81)
    assert "example_note = 'xxx" in refusal
    assert "at most 80 characters" in refusal
    checkout.synthesize(example_note="hello")
    notes = [
        function["Environment"]["Variables"]["EXAMPLE_NOTE"]
        for function in checkout.resources("BedrockMeter-Ingestion", "AWS::Lambda::Function")
        if "EXAMPLE_NOTE" in function["Environment"]["Variables"]
    ]
    assert notes == ["hello"]
    checkout.run_tests("A setting", "-k", "example_note or cdk_json_holds or readme")


def test_a_new_command_is_listed_and_runs(checkout: Checkout) -> None:
    checkout.follow("A command")
    assert re.search(r"^ +hello +Greet an operator\.$", checkout.meter("--help"), re.MULTILINE)
    assert checkout.meter("hello", "--name", "Ana") == "Hello, Ana.\n"
    checkout.run_tests("A command", "-k", "hello or list")


def test_every_section_of_the_page_is_tested() -> None:
    titles = re.findall(r"^## (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    followed = re.findall(r'checkout\.follow\("(.+)"\)', Path(__file__).read_text(encoding="utf-8"))
    assert sorted(titles) == sorted(followed)
    blocks = re.findall(r"^```(?!sh)\w+$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert len(blocks) == sum(len(STEP.findall(read_section(title))) for title in titles)


def test_every_section_names_tests_that_exist() -> None:
    named = PYTEST.findall(PAGE.read_text(encoding="utf-8"))
    assert len(named) == PAGE.read_text(encoding="utf-8").count("\n## ")
    assert all((ROOT / path).exists() for paths in named for path in paths.split())


@pytest.mark.parametrize("text", ["row = 1\n", "place = 1\nplace = 1\n"])
def test_a_missing_or_ambiguous_place_is_named(text: str) -> None:
    with pytest.raises(MissingPlaceError, match=r"a\.py: these lines .*\nplace = 1\n"):
        change(text, " place = 1\n+new = 2\n", "a.py")


def test_a_diff_adds_removes_and_keeps_lines() -> None:
    changed = change("one\ntwo\n\nthree\n", " one\n-two\n+2\n@@\n\n three\n+four\n", "a.py")
    assert changed == "one\n2\n\nthree\nfour\n"
