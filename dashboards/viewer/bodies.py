"""Dashboard bodies: those that a deployment has, with variables filled in.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import JsonValue

from cdk.components.dashboards import NAMES, NAMES_AS_WRITTEN, dashboard_body
from cdk.config import Config
from dashboards.cloudwatch import (
    MetricSource,
    Periods,
    Statistic,
    UnknownExpressionError,
    search_metrics,
)
from lambdas.domain.metrics.catalog import ESTIMATED_COST

_VARIABLE = {
    *("type", "id", "label", "inputType", "visible", "pattern", "search", "populateFrom"),
    "defaultValue",
}
_METRIC_NAME = re.compile(r'MetricName="\w+"')
# In SEARCH and in Metrics Insights.
_SEARCHED_NAME = re.compile(r"MetricName=\"(\w+)\"|SELECT \w+\((\w+)\)")
_NAMESPACE = re.compile(r"\{([\w/]+),|SCHEMA\(\"([\w/]+)\"")
_FIRST = "__FIRST"  # stands for the first choice, until a reader makes one


class UnknownBodyError(Exception):
    """A body has an unsupported part. The text names it."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A choice that a dashboard offers, which stands in its body as a pattern.

    Attributes:
        id: Its name within the dashboard.
        label: The name that people see.
        pattern: The text that the choice takes the place of.
        search: Finds the metrics that have choices.
        dimension: The dimension whose values are the choices.
    """

    id: str
    label: str
    pattern: str
    search: str
    dimension: str

    def choices(self, source: MetricSource) -> list[str]:
        """The values to choose from, in alphabetical order."""
        metrics = search_metrics(self.search, source)
        return sorted({dict(metric.dimensions)[self.dimension] for metric in metrics})

    def largest(self, source: MetricSource, whole: Periods, count: int) -> list[str]:
        """The choices that cost most in a period; where no cost is known, the most used."""
        costs, uses = (
            self._sum_up(search, source, whole) for search in (self._search_for_cost, self.search)
        )
        ranked = sorted(uses, key=lambda value: (-costs[value], -uses[value], value))
        return ranked[:count]

    @property
    def _search_for_cost(self) -> str:
        return _METRIC_NAME.sub(f'MetricName="{ESTIMATED_COST.name}"', self.search)

    def _sum_up(self, search: str, source: MetricSource, whole: Periods) -> defaultdict[str, float]:
        sums: defaultdict[str, float] = defaultdict(float)
        metrics = search_metrics(search, source)
        for metric, (value,) in source.values(metrics, Statistic.SUM, whole).items():
            sums[dict(metric.dimensions)[self.dimension]] += value or 0
        return sums


@dataclass(frozen=True, slots=True)
class Body:
    """The body of one dashboard.

    Attributes:
        name: The name of its file.
        text: It, as JSON.
        variable: The choice that it offers, if it does.
    """

    name: str
    text: str
    variable: Variable | None

    def widgets(self, choice: str | None = None) -> list[dict[str, Any]]:
        """The widgets, with a choice in the place of the pattern."""
        widgets: list[dict[str, Any]] = json.loads(self.text)["widgets"]
        if self.variable is None or choice is None:
            return widgets
        return [
            {key: _replace(value, self.variable.pattern, choice) for key, value in widget.items()}
            for widget in widgets
        ]


def read_bodies(config: Config, shown: Sequence[str] = tuple(NAMES)) -> dict[str, Body]:
    """The dashboards there are as a configuration deploys them, by the names of their files.

    Args:
        config: The configuration.
        shown: The names of those to read; links to others are left out.

    Raises:
        UnknownBodyError: One has an unsupported part.
    """
    bodies = {
        name: dashboard_body(name, names=NAMES_AS_WRITTEN, deployed=shown, config=config)
        for name in shown
    }
    return {name: read_body(name, json.dumps(body)) for name, body in bodies.items()}


def read_body(name: str, text: str) -> Body:
    """Read one body.

    Raises:
        UnknownBodyError: It has an unsupported part.
    """
    body = json.loads(text)
    if unknown := body.keys() - {"widgets", "variables", "periodOverride", "start"}:
        message = f"{name}: {', '.join(sorted(unknown))}"
        raise UnknownBodyError(message)
    variables = body.get("variables", [])
    if len(variables) > 1:
        message = f"{name}: several variables"
        raise UnknownBodyError(message)
    return Body(name, text, _variable(name, variables[0]) if variables else None)


def find_namespaces(metrics: Sequence[Sequence[Any]]) -> set[str]:
    """Find the namespaces that the rows of a widget name: as metrics, searches and queries."""
    rows = {row[0] for row in metrics if isinstance(row[0], str)}
    searched = _NAMESPACE.findall(json.dumps(metrics).replace("\\", ""))
    return rows | {first or second for first, second in searched}


def find_metric_names(metrics: Sequence[Sequence[Any]]) -> list[tuple[str, str]]:
    """Find the namespace and name of each metric that the rows of a widget name."""
    found = []
    for row in metrics:
        if isinstance(row[0], str):
            found.append((row[0], row[1]))
            continue
        namespaces = find_namespaces([row])
        for first, second in _SEARCHED_NAME.findall(row[0]["expression"]):
            found += [(namespace, first or second) for namespace in namespaces]
    return found


def _replace(value: JsonValue, pattern: str, choice: str) -> JsonValue:
    match value:
        case str():
            return value.replace(pattern, choice)
        case list():
            return [_replace(element, pattern, choice) for element in value]
        case dict():
            return {key: _replace(element, pattern, choice) for key, element in value.items()}
    return value


def _variable(name: str, raw: Mapping[str, Any]) -> Variable:
    is_pattern = raw.get("type") == "pattern" and raw.get("defaultValue") == _FIRST
    if raw.keys() != _VARIABLE or not is_pattern:
        message = f"{name}: variable {raw.get('id')}"
        raise UnknownBodyError(message)
    variable = Variable(raw["id"], raw["label"], raw["pattern"], raw["search"], raw["populateFrom"])
    if variable.dimension not in variable.search:
        raise UnknownExpressionError(variable.search)
    return variable
