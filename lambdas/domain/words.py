"""Short texts that notices and reports share: numbers, names, values, fingerprints."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

OUT_OF_TIME = "there was no time for the rest"
"""The reason for an early end of a run."""
_LINK = re.compile(r"://|\bwww\.|^[\w-]+(\.[\w-]+)+/", re.IGNORECASE)
"""An address with a scheme or a host, such as `https://...`, `www....` or `host.example/...`."""
_MAX_NAMES = 5
_MAX_VALUE_LETTERS = 200
_FINGERPRINT_LETTERS = 16


def plural(count: int, noun: str) -> str:
    """Write a number of things.

    >>> plural(1, "call"), plural(2000, "call")
    ('1 call', '2,000 calls')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def exact_text(number: Decimal) -> str:
    """Write a number digit by digit: no exponent, no rounding, no zeros at its end.

    >>> exact_text(Decimal("1.50")), exact_text(Decimal("1E+3"))
    ('1.5', '1000')
    """
    text = f"{number:f}" if number else "0"
    return text.rstrip("0").rstrip(".") if "." in text else text


def list_first(names: Sequence[str], max_names: int) -> str:
    """List the first names, and the number of the others.

    >>> list_first(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    listed, more = ", ".join(names[:max_names]), len(names) - max_names
    return f"{listed} and {more:,} more" if more > 0 else listed


def list_names(names: Iterable[str]) -> str:
    """List names in order, the first five of many, with a fingerprint of the others.

    >>> list_names(["b", "a"])
    'a, b'
    """
    ordered = sorted(names)
    listed, rest = list_first(ordered, _MAX_NAMES), ordered[_MAX_NAMES:]
    return f"{listed} ({fingerprint(rest)})" if rest else listed


def show(value: object) -> str:
    """Show a value, cut to a readable length; control characters are escaped.

    >>> show(None)
    'not set'
    """
    return "not set" if value is None else cut(repr(value), _MAX_VALUE_LETTERS, of=value)


def cut(text: str, max_letters: int, *, of: object = None) -> str:
    """Cut a text; a fingerprint of the whole keeps texts apart that differ past the cut.

    Args:
        text: The text.
        max_letters: The letters that stay.
        of: The value whose fingerprint is shown; the text itself unless given.
    """
    if len(text) <= max_letters:
        return text
    return f"{text[:max_letters]}... ({fingerprint(text if of is None else of)})"


def fingerprint(value: object) -> str:
    """Shorten a live value, so that a text without it still differs when the value changes again.

    >>> fingerprint({"Action": ["a", "b"]}) == fingerprint({"Action": ["b", "a"]})
    True
    """
    text = json.dumps(normalize(value), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:_FINGERPRINT_LETTERS]


def printable(text: str) -> str:
    r"""Replace letters that could steer a terminal: callers choose names in logs.

    >>> printable("a\x1bb") == "a\ufffdb"
    True
    """
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def break_links(text: str) -> str:
    """Write a name so that no mail program makes a link of it: callers choose names in logs.

    >>> break_links("https://evil.example/login"), break_links("anthropic.claude-3-haiku")
    ('https[:]//evil[.]example/login', 'anthropic.claude-3-haiku')
    """
    if not _LINK.search(text):
        return text
    return text.replace("://", "[:]//").replace(".", "[.]")


def normalize(value: object) -> object:
    """Bring a policy into one of the many ways of writing it: a list of one is the one, sorted."""
    if isinstance(value, Mapping):
        return {key: normalize(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        items = [normalize(item) for item in value]
        return items[0] if len(items) == 1 else sorted(items, key=_order)
    return value


def _order(value: object) -> str:
    return json.dumps(value, sort_keys=True, default=str)
