"""A deployment with a name of its own shares no name with one of the default name."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cdk.operations.boundary_policy import derive_boundary
from lambdas.meter_name import METER_NAME
from tests.infrastructure.synthesis import ROOT, resources

NAME = "BedrockMeter-Verify"
_SHARED = "BedrockMeter-Boundary-"
"""Each Region has one permissions boundary, which is written for all names."""


def synthesize(folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    context = json.dumps({"aws:cdk:disable-asset-staging": True})
    return subprocess.run(
        [sys.executable, "-m", "cdk.app"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={
            **os.environ,
            "METER_NAME": name,
            "CDK_OUTDIR": str(folder),
            "CDK_CONTEXT_JSON": context,
        },
    )


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("verify")
    done = synthesize(folder, NAME)
    assert done.returncode == 0, done.stderr
    return {
        path.name.removesuffix(".template.json"): json.loads(path.read_text())
        for path in folder.glob("*.template.json")
    }


def test_the_default_name_is_in_no_template_of_another_name(
    templates: dict[str, dict[str, Any]],
) -> None:
    assert templates.keys() == {
        f"{NAME}-{stack}" for stack in ("Storage", "Ingestion", "Reporting", "Monitoring")
    }
    text = json.dumps(templates).replace(_SHARED, "")
    assert re.findall(r"BedrockMeter(?!-?Verify).{0,30}", text) == []


def test_searches_quote_a_name_with_a_hyphen(templates: dict[str, dict[str, Any]]) -> None:
    bodies = [
        body if isinstance(body, str) else "".join(map(str, body["Fn::Join"][1]))
        for template in templates.values()
        for dashboard in resources(template, "AWS::CloudWatch::Dashboard").values()
        for body in [dashboard["DashboardBody"]]
    ]
    searches = [
        found.replace('\\\\"', '"').replace('\\"', '"')
        for body in bodies
        for found in re.findall(r"SEARCH\('([^']*)'", body)
    ]
    assert len(searches) > 20
    unquoted = re.compile(rf'(?<!"){NAME}|{NAME}(?!")')
    assert [search for search in searches if unquoted.search(search)] == []
    assert any(f'{{"{NAME}",IdentityArn}}' in search for search in searches)


def test_functions_know_the_name_and_the_default_needs_no_variable(
    templates: dict[str, dict[str, Any]],
) -> None:
    names = {
        function["Environment"]["Variables"]["METER_NAME"]
        for template in templates.values()
        for function in resources(template, "AWS::Lambda::Function").values()
        if function["Handler"].startswith("lambdas.")
    }
    assert names == {NAME}
    assert METER_NAME == "BedrockMeter"


def test_the_boundary_is_the_same_for_all_names(templates: dict[str, dict[str, Any]]) -> None:
    shipped = json.loads((ROOT / "cdk" / "boundary.json").read_text())
    assert derive_boundary(templates.values()) == shipped


@pytest.mark.parametrize(
    "name", ["Bedrock", "BedrockMeterTwo", "BedrockMeter-", "BedrockMeter-a/b"]
)
def test_a_name_that_policies_do_not_cover_is_refused(tmp_path: Path, name: str) -> None:
    done = synthesize(tmp_path, name)
    assert done.returncode == 1
    assert (
        f"METER_NAME is '{name}'; allowed: BedrockMeter, or BedrockMeter- and up to" in done.stderr
    )
