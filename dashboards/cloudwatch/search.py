"""Metrics that a SEARCH expression finds.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
"""

from __future__ import annotations

import re

from dashboards.cloudwatch.series import Metric, MetricSource, UnknownExpressionError

_WORD = r"(?:[\w-]+(?:=\"[^\"]*\")?|\"[^\"]+\")"
_TERM = re.compile(rf" +(?P<not>NOT +)?(?P<words>{_WORD}|\({_WORD}(?: OR {_WORD})*\))")
_SEARCH = re.compile(
    r"\{(?P<schema>[^{}]+)\} +MetricName=\"(?P<name>\w+)\""
    rf"(?P<terms>(?: +(?:NOT +)?(?:{_WORD}|\({_WORD}(?: OR {_WORD})*\)))*)"
)


def search_metrics(query: str, source: MetricSource) -> list[Metric]:
    """The metrics that a search finds: of exactly its dimensions, with what its terms ask for.

    Raises:
        UnknownExpressionError: It is not one that we use.
    """
    found = _SEARCH.fullmatch(query)
    if found is None:
        raise UnknownExpressionError(query)
    namespace, *names = (name.strip('"') for name in found["schema"].split(","))
    terms = [
        (term["words"].strip("()").split(" OR "), term["not"] is None)
        for term in _TERM.finditer(found["terms"])
    ]
    return [
        metric
        for metric in source.metrics(namespace, found["name"])
        if metric.dimension_names == set(names)
        and all(any(_matches(metric, word) for word in words) is wanted for words, wanted in terms)
    ]


def _matches(metric: Metric, term: str) -> bool:
    """True if a metric has the term's dimension, or the term's words in a value."""
    term = term.strip('"') if term.startswith('"') else term
    name, is_exact, value = term.partition("=")
    if is_exact:
        return (name, value.strip('"')) in metric.dimensions
    words = re.compile(rf"(?<![A-Za-z0-9]){re.escape(term)}(?![A-Za-z0-9])", re.IGNORECASE)
    return any(words.search(value) for _, value in metric.dimensions)
