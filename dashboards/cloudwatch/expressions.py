"""Metric math and its functions.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import TypeAlias

from lark import Lark, Token, Tree
from lark.exceptions import LarkError

from dashboards.cloudwatch.search import search_metrics
from dashboards.cloudwatch.series import (
    Metric,
    MetricSource,
    Periods,
    Series,
    Statistic,
    UnknownExpressionError,
    Value,
)

Result: TypeAlias = float | Series | list[Series]
Node: TypeAlias = "Tree[Token] | Token"

_GRAMMAR = r"""
?expression: conjunction | conjunction ("OR" conjunction)+ -> any
?conjunction: comparison | comparison ("AND" comparison)+ -> all
?comparison: sum | sum COMPARED sum -> arithmetic
?sum: product | product (ADDED product)+ -> arithmetic
?product: operand | operand (MULTIPLIED operand)+ -> arithmetic
?operand: NUMBER | NAME | TEXT | call | "(" expression ")"
call: FUNCTION "(" expression ("," expression)* ")"
COMPARED: "==" | "!=" | ">=" | "<=" | ">" | "<"
ADDED: "+" | "-"
MULTIPLIED: "*" | "/"
FUNCTION.2: /[A-Z_]+(?=\s*\()/
NAME: /[A-Za-z][A-Za-z0-9_]*/
TEXT: /'[^']*'/
%import common.NUMBER
%ignore /\s+/
"""
_REDUCED: Mapping[str, Callable[[Sequence[float]], float]] = {"SUM": sum, "MAX": max}
_TIMES: Mapping[str, Callable[[datetime], float]] = {
    "EPOCH": datetime.timestamp,
    "HOUR": lambda start: start.hour,
    "DATE": lambda start: start.day,
    "MONTH": lambda start: start.month,
    "YEAR": lambda start: start.year,
}
"""The functions of a period's start, in UTC. Each has a value also where the series has none."""
_OPERATORS: Mapping[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": lambda left, right: left / right if right else math.nan,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


@dataclass(frozen=True, slots=True)
class Scope:
    """The names that an expression can use, and the periods it covers.

    Attributes:
        source: The metrics that SEARCH looks at.
        periods: The periods of the values.
        named: The results of other queries, by their ids.
    """

    source: MetricSource
    periods: Periods
    named: Mapping[str, Result]


def evaluate_expression(text: str, scope: Scope) -> Result:
    """Evaluate metric math.

    Raises:
        UnknownExpressionError: It is not one that we use.
    """
    try:
        return _Evaluation(text, scope).evaluate(_parse(text))
    except LarkError as error:
        raise UnknownExpressionError(text) from error


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, start="expression", parser="lalr")


@lru_cache(4096)  # a dashboard repeats its expressions in each time range
def _parse(text: str) -> Node:
    return _parser().parse(text)


@lru_cache(64)
def _list_times(name: str, periods: Periods) -> tuple[float, ...]:
    """The values of a function of `_TIMES`, one for each period."""
    read = _TIMES[name]
    return tuple(float(read(start)) for start, _ in periods)


class _Evaluation:
    def __init__(self, text: str, scope: Scope) -> None:
        self._text = text
        self._scope = scope

    def evaluate(self, node: Node) -> Result:
        if isinstance(node, Token):
            return self._operand(node)
        match node.data:
            case "call":
                return self._call(str(node.children[0]), node.children[1:])
            case "any":
                return self._fold(node.children, max)
            case "all":
                return self._fold(node.children, min)
        first, *rest = node.children
        result = self.evaluate(first)
        for sign, operand in zip(rest[::2], rest[1::2], strict=True):
            compute = _OPERATORS[str(sign)]
            result = self._combine(compute, result, self.evaluate(operand))
        return result

    def _operand(self, token: Token) -> Result:
        if token.type == "NUMBER":
            return float(token)
        if token.type == "NAME" and str(token) in self._scope.named:
            return self._scope.named[str(token)]
        raise UnknownExpressionError(self._text)

    def _fold(self, nodes: Sequence[Node], choose: Callable[[float, float], float]) -> Result:
        first, *rest = (self._truth(self.evaluate(node)) for node in nodes)
        for each in rest:
            first = self._combine(choose, first, each)
        return first

    def _truth(self, result: Result) -> Result:
        return self._combine(lambda value, _: float(value != 0), result, 0.0)

    def _call(self, name: str, arguments: Sequence[Node]) -> Result:
        match name, arguments:
            case "SEARCH", [Token(type="TEXT") as query, Token(type="TEXT") as stat, *length]:
                seconds = [self.evaluate(node) for node in length] or [self._scope.periods.seconds]
                return self._search(query[1:-1], Statistic(stat[1:-1]), *seconds)
            case "SORT", [series, Token("NAME", "SUM"), Token("NAME", "DESC")]:
                return sorted(self._many(series), key=lambda found: -sum(found.present))
            case "SLICE", [series, start, end]:
                bounds = slice(*(int(self._number(bound)) for bound in (start, end)))
                return self._many(series)[bounds]
            case "FILL", [series, value]:
                return self._fill(self.evaluate(series), self._number(value))
            case "IF", [condition, then, otherwise]:
                return self._choose(*map(self.evaluate, (condition, then, otherwise)))
            case _, [operand]:
                return self._call_unary(name, operand)
        raise UnknownExpressionError(self._text)

    def _call_unary(self, name: str, operand: Node) -> Result:
        match name:
            case "SUM" | "MAX":
                return self._reduce(_REDUCED[name], self.evaluate(operand))
            case "FLOOR" | "EPOCH" | "HOUR" | "DATE" | "MONTH" | "YEAR":
                return self._map(name, operand)
            case "DIFF":
                return _differences(self._one(operand))
            case "METRIC_COUNT":
                return float(len(self._many(operand)))
            case "REMOVE_EMPTY":
                return [series for series in self._many(operand) if series.present]
            case "TIME_SERIES":
                return Series("", (_value(self._number(operand)),) * self._scope.periods.count)
        raise UnknownExpressionError(self._text)

    def _map(self, name: str, operand: Node) -> Result:
        """Map each value to its floor, or each period to a part of its time."""
        if name == "FLOOR":
            number = self.evaluate(operand)
            return self._combine(lambda value, _: math.floor(value), number, 0.0)
        self._one(operand)
        return Series("", _list_times(name, self._scope.periods))

    def _reduce(self, reduce: Callable[[Sequence[float]], float], result: Result) -> Result:
        """Reduce a series to one number, or several series to one, without missing values."""
        match result:
            case Series():
                return float(reduce(result.present)) if result.present else math.nan
            case list():
                places = range(self._scope.periods.count)
                columns = ([series.values[place] for series in result] for place in places)
                known = ([value for value in column if value is not None] for column in columns)
                return Series("", tuple(reduce(values) if values else None for values in known))
        raise UnknownExpressionError(self._text)

    def _search(self, query: str, statistic: Statistic, seconds: Result) -> list[Series]:
        if seconds != self._scope.periods.seconds:
            raise UnknownExpressionError(self._text)
        try:
            metrics = search_metrics(query, self._scope.source)
        except UnknownExpressionError:
            raise UnknownExpressionError(self._text) from None
        values = self._scope.source.values(metrics, statistic, self._scope.periods)
        return [
            Series(get_label(metric), values[metric], metric)
            for metric in metrics
            if any(value is not None for value in values[metric])
        ]

    def _many(self, node: Node) -> list[Series]:
        result = self.evaluate(node)
        if not isinstance(result, list):
            raise UnknownExpressionError(self._text)
        return result

    def _one(self, node: Node) -> Series:
        result = self.evaluate(node)
        if not isinstance(result, Series):
            raise UnknownExpressionError(self._text)
        return result

    def _number(self, node: Node) -> float:
        result = self.evaluate(node)
        if not isinstance(result, float):
            raise UnknownExpressionError(self._text)
        return result

    def _fill(self, result: Result, value: float) -> Result:
        if isinstance(result, list):
            return [self._filled(series, value) for series in result]
        if isinstance(result, Series):
            return self._filled(result, value)
        raise UnknownExpressionError(self._text)

    def _filled(self, series: Series, value: float) -> Series:
        values = tuple(value if known is None else known for known in series.values)
        return Series(series.label, values, series.metric)

    def _choose(self, condition: Result, then: Result, otherwise: Result) -> Result:
        """Choose one value or the other.

        A condition without data gives no data. A chosen value without data is 0 where the
        condition is true.
        """
        if isinstance(condition, list) or isinstance(then, list) or isinstance(otherwise, list):
            raise UnknownExpressionError(self._text)
        choices = zip(*map(self._values, (condition, then, otherwise)), strict=True)
        values = tuple(None if so is None else yes or 0.0 if so else no for so, yes, no in choices)
        return Series(condition.label if isinstance(condition, Series) else "", values)

    def _combine(
        self, compute: Callable[[float, float], float], left: Result, right: Result
    ) -> Result:
        """Compute value by value, for a number and several series in each of these.

        Of two series, one without data counts as 0 beside the other.
        """
        if isinstance(left, list) and isinstance(right, float):
            return [self._compute_each(lambda one: compute(one, right), each) for each in left]
        if isinstance(left, float) and isinstance(right, list):
            return [self._compute_each(lambda other: compute(left, other), each) for each in right]
        if isinstance(left, list) or isinstance(right, list):
            raise UnknownExpressionError(self._text)
        if isinstance(left, float):
            if isinstance(right, float):
                return float(compute(left, right))
            values = [None if other is None else compute(left, other) for other in right.values]
            return Series("", tuple(map(_value, values)))
        if isinstance(right, float):
            values = [None if one is None else compute(one, right) for one in left.values]
        else:
            values = [
                None if one is None and other is None else compute(one or 0.0, other or 0.0)
                for one, other in zip(left.values, right.values, strict=True)
            ]
        return Series(left.label, tuple(map(_value, values)))

    def _compute_each(self, compute: Callable[[float], float], series: Series) -> Series:
        """Compute each value of one of several series, which keeps its metric and its label."""
        values = [None if value is None else compute(value) for value in series.values]
        return Series(series.label, tuple(map(_value, values)), series.metric)

    def _values(self, result: float | Series) -> tuple[Value, ...]:
        if isinstance(result, Series):
            return result.values
        return (result,) * self._scope.periods.count


def _differences(series: Series) -> Series:
    """Subtract from each value the one before it; where either is missing, so is the difference."""
    pairs = zip((None, *series.values), series.values, strict=False)
    return Series(
        series.label,
        tuple(
            None if before is None or value is None else value - before for before, value in pairs
        ),
    )


def _value(number: Value) -> Value:
    """Return a computed value; `None` for a division by zero."""
    return None if number is None or not math.isfinite(number) else float(number)


def get_label(metric: Metric) -> str:
    """The values of its dimensions, or its name where it has none."""
    return ", ".join(value for _, value in metric.dimensions) or metric.name
