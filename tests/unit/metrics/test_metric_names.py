"""Metric names are spelled once: the meter's in the catalog, Amazon Bedrock's beside it."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from lambdas.domain.alarms import health_checks
from lambdas.domain.metrics import bedrock_metrics, catalog
from lambdas.domain.metrics.bedrock_metrics import BedrockMetric, MantleMetric

ROOT = Path(__file__).parents[3]
HOMES = {
    *(Path(catalog.__file__), Path(bedrock_metrics.__file__)),
    Path(health_checks.__file__),  # names of alarms, compared with the deployed ones
}
OURS = [
    *(metric.name for metric in catalog.USAGE_METRICS),
    *(metric.name for metric in (*catalog.UNLOGGED_METRICS, *catalog.BUDGET_METRICS)),
    *(metric.name for metric in catalog.CREDIT_METRICS),
    *(metric.name for metric in (*catalog.GATEWAY_CALL_METRICS, *catalog.HEALTH_METRICS)),
    *(metric.name for metric in catalog.LIMIT_METRICS),
]
NAMES = {
    *(*OURS, catalog.HEALTH_NAMESPACE, catalog.IDENTITY_ARN, catalog.MODEL_ID),
    *(*BedrockMetric, *MantleMetric),
    *(bedrock_metrics.BEDROCK_NAMESPACE, bedrock_metrics.MANTLE_NAMESPACE),
}
# A runbook is named after its alarm, which has the name of the metric.
SPELT = re.compile(rf"(?<!runbooks/)(?<!\w)({'|'.join(sorted(NAMES, reverse=True))})(?!\w)")


def find_spelled_names(source: str) -> Iterator[str]:
    """The metric names in the text of a program, apart from docstrings and comments."""
    tree = ast.parse(source)
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and id(node) not in docstrings:
            yield from SPELT.findall(str(node.value))


def test_only_the_catalog_spells_metric_names() -> None:
    files = [path for folder in ("cdk", "dashboards", "lambdas") for path in python_files(folder)]
    assert {*files} > HOMES
    found = {path: names for path in files if (names := [*find_spelled_names(path.read_text())])}
    assert {*found} == HOMES, {path: found[path] for path in found.keys() - HOMES}


def python_files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def test_a_spelled_metric_name_is_found_anywhere_in_code() -> None:
    program = """
'''What QuotaTokens are.'''
metric = "QuotaTokens"
query = f"SELECT SUM(TotalTokens) FROM {metric}"
page = "docs/runbooks/RejectedRecords.md"
other = "TotalTokensOfAll"
"""
    assert list(find_spelled_names(program)) == ["QuotaTokens", "TotalTokens"]


def test_the_catalog_spells_each_of_its_names_once() -> None:
    assert sorted(find_spelled_names(Path(catalog.__file__).read_text())) == sorted(
        [*OURS, catalog.IDENTITY_ARN, catalog.MODEL_ID]
    )
