"""Warns of conditions of policies that no call of the gateway can meet."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from lambdas.domain.api_keys import make_session_name
from lambdas.domain.limit_policies import Policy, PolicySet
from lambdas.domain.pricing import PriceBook

_ANY = "*"
_SESSION_LETTERS = re.compile(r"(?:[A-Za-z0-9_.@+,*-]|=[0-9A-F*]{1,2})+")
_IN_NAMES = "*,"


def find_unmet(policies: PolicySet, prices: PriceBook) -> Iterator[str]:
    """Find conditions, and names in `break_glass`, that no call can meet.

    Args:
        policies: The policies.
        prices: The prices that the meter ships with, for the ids of models.

    Yields:
        A text for each, with what to write instead.
    """
    for name, policy in _name_policies(policies):
        yield from _check_all(f"{name}: match.caller", policy.match.caller, _check_caller)
        yield from _check_all(
            f"{name}: match.model",
            policy.match.model,
            lambda pattern: _check_model(pattern, prices),
        )
        yield from _check_tiers(name, policy, policies)
    yield from _check_all("break_glass", policies.break_glass, _check_caller)


def _name_policies(policies: PolicySet) -> Iterator[tuple[str, Policy]]:
    yield from ((policy.name, policy) for policy in policies.policies)
    for name, tier in policies.tiers.items():
        yield from ((f"{name}/{policy.name}", policy) for policy in tier.policies)


def _check_all(
    place: str, patterns: Sequence[str], check: Callable[[str], str | None]
) -> Iterator[str]:
    for pattern in patterns:
        if (reason := check(pattern)) is not None:
            yield f'{place} "{pattern}" {reason}'


def _check_caller(pattern: str) -> str | None:
    """Compare a pattern with the form of session names."""
    if _SESSION_LETTERS.fullmatch(pattern) and (len(pattern) > 1 or pattern == _ANY):
        return None
    return f'is no session name, as keys list prints it. Write "{_escape(pattern)}"'


def _escape(pattern: str) -> str:
    """Write a pattern of owners as one of session names: `bob s*` as `bob=20s*`."""
    if len(pattern) == 1 and pattern != _ANY:
        return make_session_name(pattern)
    # The first letter of a name of one letter is escaped: the hyphen makes it longer.
    return "".join(
        letter if letter in _IN_NAMES else make_session_name(f"{letter}-").removesuffix("-")
        for letter in pattern
    )


def _check_model(pattern: str, prices: PriceBook) -> str | None:
    """Compare a pattern with the ids of foundation models."""
    start, *rest = pattern.split(_ANY)
    is_known = (
        any(
            price.model_id.startswith(start) or start.startswith(price.model_id) for price in prices
        )
        if rest
        else prices.knows(pattern)
    )
    return None if is_known else "matches no model that has a price. Check its spelling"


def _check_tiers(name: str, policy: Policy, policies: PolicySet) -> Iterator[str]:
    """Compare the tiers of a tier's policy with those whose keys have it."""
    if not policy.match.tier or policy in policies.policies:
        return
    having = {tier for tier in policies.tiers if policy in policies.list_policies(tier)}
    if not having & {*policy.match.tier}:
        yield (
            f"{name}: match.tier {' or '.join(policy.match.tier)} is not a tier of this policy,"
            f" which has {' and '.join(sorted(having))}. Leave match.tier out"
        )
