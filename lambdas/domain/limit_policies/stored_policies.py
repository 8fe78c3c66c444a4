"""Reads policies as they are stored, without the models that have checked the file.

`limits apply` stores what it has validated. This reader builds the same policies from it in a
fraction of the time, and refuses whatever it does not know: a limit must never be missing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from lambdas.domain.bedrock_calls import BedrockOperation
from lambdas.domain.limit_policies.policy import (
    Partition,
    Policy,
    PolicyLimit,
    PolicyMatch,
    PolicySet,
    Tier,
    WhenOut,
)
from lambdas.domain.limit_policies.ports import PoliciesUnavailableError
from lambdas.domain.limits import (
    AnyWindow,
    CalendarUnit,
    FailMode,
    Limit,
    LimitMode,
    LimitUnit,
    RollingWindow,
    make_calendar_window,
)
from lambdas.domain.money import to_picodollars

_T = TypeVar("_T")
MAX_AMOUNT = 10**15
"""The largest amount of a limit that is not in US dollars."""
MAX_USD = 10**6
"""The largest amount of a limit in US dollars."""
_MAX_MARK, _UTC = 100, "UTC"
_MAX_SHOWN = 80
_TEXT_CONDITIONS = ("caller", "key", "tier", "project", "model")
_OPERATIONS = frozenset(each.log_name for each in BedrockOperation if each.uses_tokens)
# KeyError: a missing field, an unknown time zone. ArithmeticError: text that is no number.
_FAULTS = (ArithmeticError, KeyError, RecursionError, TypeError, ValueError)


def read_stored_policies(text: str) -> PolicySet:
    """Read policies.

    Args:
        text: The JSON that `limits apply` stored.

    Raises:
        PoliciesUnavailableError: It has a field or a value that this version does not know.
    """
    try:
        return _read_set(json.loads(text, parse_float=Decimal))
    except _FAULTS as error:
        message = f"policies have an unknown part: {type(error).__name__}: {error}"
        raise PoliciesUnavailableError(message) from error


def _read_set(content: object) -> PolicySet:
    fields = _take(content, "policies", "tiers", "break_glass")
    tiers = _take_object(fields.get("tiers", {}))
    return PolicySet(
        _read_list(fields.get("policies", []), _read_policy),
        {name: _read_tier(tier) for name, tier in tiers.items()},
        _read_list(fields.get("break_glass", []), _read_text),
    )


def _read_tier(content: object) -> Tier:
    fields = _take(content, "policies", "extends")
    extends = fields.get("extends")
    return Tier(
        _read_list(fields.get("policies", []), _read_policy),
        None if extends is None else _read_text(extends),
    )


def _read_policy(content: object) -> Policy:
    fields = _take(content, "name", "limits", "match", "partition_by", "when_out", "fail")
    when_out = fields.get("when_out")
    return Policy(
        _read_text(fields["name"]),
        _require(_read_list(fields["limits"], _read_limit)),
        _read_match(fields.get("match", {})),
        _read_names(fields, "partition_by", _read_partition),
        None if when_out is None else WhenOut(when_out),
        FailMode(fields.get("fail", FailMode.CLOSED)),
    )


def _read_match(content: object) -> PolicyMatch:
    fields = _take(content, *_TEXT_CONDITIONS, "operation")
    conditions = {name: _read_names(fields, name, _read_text) for name in _TEXT_CONDITIONS}
    return PolicyMatch(**conditions, operation=_read_names(fields, "operation", _read_operation))


def _read_limit(content: object) -> PolicyLimit:
    fields = _take(content, "unit", "amount", "per", "time_zone", "mode", "near")
    unit = LimitUnit(fields["unit"])
    limit = Limit(
        unit,
        _read_amount(fields["amount"], unit),
        _read_window(fields.get("per"), fields.get("time_zone", _UTC)),
        LimitMode(fields.get("mode", LimitMode.ENFORCE)),
    )
    return PolicyLimit(limit, tuple(sorted(_read_list(fields.get("near", []), _read_mark))))


def _read_amount(content: object, unit: LimitUnit) -> int:
    """Read a number, or text of one: whole, or US dollars."""
    if isinstance(content, bool) or not isinstance(content, int | str | Decimal):
        raise _make_fault(content, "amount")
    amount, most = Decimal(content), MAX_USD if unit is LimitUnit.USD else MAX_AMOUNT
    if not 0 <= amount <= most:
        raise _make_fault(content, "amount")
    if unit is LimitUnit.USD:
        return to_picodollars(amount)
    if amount != int(amount):
        raise _make_fault(content, "amount")
    return int(amount)


def _read_window(per: object, time_zone: object) -> AnyWindow | None:
    if per is None:
        return None
    text, zone = _read_text(per), _read_text(time_zone)
    if text.endswith("s"):
        return RollingWindow(int(text.removesuffix("s")))
    return make_calendar_window(CalendarUnit(text), zone)


def _read_mark(content: object) -> int:
    if isinstance(content, bool) or not isinstance(content, int) or not 1 <= content <= _MAX_MARK:
        raise _make_fault(content, "near")
    return content


def _read_partition(content: object) -> Partition:
    return Partition(_read_text(content))


def _read_operation(content: object) -> str:
    if content not in _OPERATIONS:
        raise _make_fault(content, "operation")
    return _read_text(content)


def _read_text(content: object) -> str:
    if not isinstance(content, str) or not content:
        raise _make_fault(content, "text")
    return content


def _read_names(
    fields: Mapping[str, object], name: str, read: Callable[[object], _T]
) -> tuple[_T, ...]:
    """Read a name or a list of names. Without any, a condition would mean all calls."""
    if name not in fields:
        return ()
    content = fields[name]
    return _require(_read_list([content] if isinstance(content, str) else content, read))


def _read_list(content: object, read: Callable[[object], _T]) -> tuple[_T, ...]:
    if not isinstance(content, list):
        raise _make_fault(content, "list")
    return tuple(map(read, content))


def _require(values: tuple[_T, ...]) -> tuple[_T, ...]:
    if not values:
        raise _make_fault([], "list")
    return values


def _take_object(content: object) -> Mapping[str, Any]:
    if not isinstance(content, dict):
        raise _make_fault(content, "object")
    return content


def _take(content: object, *known: str) -> Mapping[str, Any]:
    """Take an object that has no other fields."""
    fields = _take_object(content)
    if unknown := sorted(fields.keys() - {*known}):
        raise _make_fault(unknown[0], "field")
    return fields


def _make_fault(content: object, what: str) -> ValueError:
    return ValueError(f"{what}: {repr(content)[:_MAX_SHOWN]} is not known")
