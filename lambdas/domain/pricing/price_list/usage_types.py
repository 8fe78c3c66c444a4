"""Reads AWS usage types of Amazon Bedrock, as its Price List and its bills spell them.

Three grammars are in use: `USE1-NovaLite-input-tokens-batch` (bedrock-runtime),
`USE1-zai.glm5-mantle-input-tokens-flex` (bedrock-mantle) and
`USE1-MP:USE1_InputTokenCount_Global-Units` (AWS Marketplace, which names no model).
Source: https://docs.aws.amazon.com/bedrock/latest/userguide/cost-mgmt-understanding-cur-data.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias, TypeVar

from lambdas.domain.pricing.price import BilledUnit, Routing, TokenKind
from lambdas.domain.pricing.price_list.region_codes import REGION_BY_CODE

MAX_USAGE_TYPE_LENGTH = 300
LATENCY_OPTIMIZED = "latency-optimized"
TEXT = "text"
"""The variant of tokens that a usage type names as those of text."""

_PREFIX = re.compile(r"(?P<code>[A-Z]{2,4}\d?)-(?P<rest>.+)", re.ASCII)
_MARKETPLACE = re.compile(r"MP:(?:[A-Z]{2,4}\d?_)?(?P<charge>\w+)-Units", re.ASCII)
_OWN = re.compile(
    r"(?P<model>.+?)(?P<mantle>-mantle)?"
    r"-(?P<charge>(?:(?:text|speech|image|audio|video)-)?(?:input|output|cache-?(?:read|write))-.+)",
    re.ASCII,
)
_SEARCH_UNITS = re.compile(r"(?P<model>.+?)-search-?units?", re.ASCII | re.IGNORECASE)
_GENERATED_IMAGES = re.compile(r"(?P<model>.+?)-(?P<variant>(?:T2I|I2I)-[\w-]+)", re.ASCII)
_GUARDRAIL = re.compile(
    r"(?P<model>Guardrail)-(?P<policy>[A-Za-z]+)Policy(?P<size>Paid|Free|Image)?UnitsConsumed",
    re.ASCII,
)
_GUARDRAIL_UNITS = {None: "unit", "Paid": "unit", "Free": "free_unit", "Image": "image"}
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|\d+[a-z]*|[a-z]+", re.ASCII)


Measure: TypeAlias = TokenKind | BilledUnit
"""The thing that an amount counts: tokens of a kind, or another unit."""


class Endpoint(StrEnum):
    """The endpoints of Bedrock that run models. Only calls of `RUNTIME` are in invocation logs."""

    RUNTIME = "runtime"
    MANTLE = "mantle"


class Plan(StrEnum):
    """The plan by which use is charged."""

    ON_DEMAND = "on_demand"
    BATCH = "batch"
    CUSTOM_MODEL = "custom_model"
    PROVISIONED = "provisioned"
    RESERVED = "reserved"
    CUSTOMIZATION = "customization"
    """Training a model of one's own, and storing it."""


_OTHER_PLANS = (
    (Plan.RESERVED, re.compile(r"reserved", re.IGNORECASE)),
    (Plan.PROVISIONED, re.compile(r"provisioned", re.IGNORECASE)),
    (Plan.CUSTOMIZATION, re.compile(r"customization", re.IGNORECASE)),
)


@dataclass(frozen=True, slots=True)
class UsageType:
    """One usage type, read.

    Attributes:
        region: The Region that is billed; `None` where the prefix is new.
        model: The model as it is spelled; empty for AWS Marketplace.
        measure: The kind of tokens, or the unit other than tokens; `None` for a plan other than
            on demand and batch that names neither.
        routing: The way a call reaches the model.
        service_tier: `flex`, `priority`, `latency-optimized` or the like; `None` for standard.
        plan: The plan by which use is charged.
        endpoint: The endpoint that was called.
        is_long_context: Whether it is the price of large calls.
        variant: Anything else that decides on the price, such as the size of a generated image or
            the medium that the tokens stand for (`TEXT`, `speech`, ...); empty for nothing else.
    """

    region: str | None
    model: str
    measure: Measure | None = None
    routing: Routing = Routing.REGION
    service_tier: str | None = None
    plan: Plan = Plan.ON_DEMAND
    endpoint: Endpoint = Endpoint.RUNTIME
    is_long_context: bool = False
    variant: str = ""

    @property
    def is_marketplace(self) -> bool:
        """Say if AWS Marketplace bills it, whose usage types name no model."""
        return not self.model


def read_usage_type(text: str) -> UsageType | None:
    """Read a usage type; `None` where any part of it is not understood.

    Example:
        >>> read_usage_type("APN1-NovaLite-input-tokens-batch").plan
        <Plan.BATCH: 'batch'>
    """
    prefixed = _PREFIX.fullmatch(text) if len(text) <= MAX_USAGE_TYPE_LENGTH else None
    if prefixed is None:
        return None
    rest = prefixed["rest"]
    base = UsageType(REGION_BY_CODE.get(prefixed["code"]), "")
    marketplace = _MARKETPLACE.fullmatch(rest)
    for plan, pattern in _OTHER_PLANS:
        found = pattern.search(rest)
        if found:
            model = "" if marketplace else rest[: found.start()].rstrip("-_")
            return replace(base, model=model, plan=plan)
    if marketplace:
        return _read_charge(base, marketplace["charge"])
    own = _OWN.fullmatch(rest)
    if own:
        endpoint = Endpoint.MANTLE if own["mantle"] else Endpoint.RUNTIME
        return _read_charge(replace(base, model=own["model"], endpoint=endpoint), own["charge"])
    return _read_units(base, rest)


def _read_units(base: UsageType, text: str) -> UsageType | None:
    searched = _SEARCH_UNITS.fullmatch(text)
    if searched:
        return replace(base, model=searched["model"], measure=BilledUnit.SEARCH_UNIT)
    generated = _GENERATED_IMAGES.fullmatch(text)
    if generated:
        variant = generated["variant"].replace("-", " ").lower()
        return replace(base, model=generated["model"], measure=BilledUnit.IMAGE, variant=variant)
    guarded = _GUARDRAIL.fullmatch(text)
    if guarded:
        suffix = _GUARDRAIL_UNITS[guarded["size"]]
        spelled = "_".join(("guardrail", *_words(guarded["policy"]), suffix))
        unit = next((unit for unit in BilledUnit if unit == spelled), None)
        if unit is not None:
            return replace(base, model=guarded["model"], measure=unit)
    return None


_TOKENS = frozenset({"token", "tokens"})
_SECONDS = frozenset({"second", "seconds"})
_IMAGES = frozenset({"image", "images"})
_SEARCHES = frozenset({"search", "units"})
_MEDIA = frozenset({TEXT, "speech", "image", "audio", "video"})
_DIRECTIONS = {
    "input": TokenKind.INPUT,
    "output": TokenKind.OUTPUT,
    "response": TokenKind.OUTPUT,
}
_CACHE = {"read": TokenKind.CACHE_READ, "write": TokenKind.CACHE_WRITE_5M}
_LIFETIMES = {
    "5m": TokenKind.CACHE_WRITE_5M,
    "30m": TokenKind.CACHE_WRITE_5M,  # the only lifetime of the models that have it
    "1h": TokenKind.CACHE_WRITE_1H,
}
_ROUTINGS = {"geo": Routing.GEOGRAPHY, "cris": Routing.GEOGRAPHY, "global": Routing.GLOBAL}
_TIERS = {
    "flex": "flex",
    "priority": "priority",
    "ultrafast": "ultrafast",
    "latency": LATENCY_OPTIMIZED,
    "optimized": LATENCY_OPTIMIZED,
}
_PLANS = {"batch": Plan.BATCH, "custom": Plan.CUSTOM_MODEL, "model": Plan.CUSTOM_MODEL}
_LONG_CONTEXT = frozenset({"long", "ctx", "context"})
_NO_MEANING = frozenset({"cache", "count", "cross", "million", "region", "regional", "standard"})
_UNDERSTOOD = _NO_MEANING.union(
    *(_TOKENS, _SECONDS, _IMAGES, _SEARCHES, _MEDIA, _LONG_CONTEXT),
    *(_DIRECTIONS, _CACHE, _LIFETIMES, _ROUTINGS, _TIERS, _PLANS),
)
_Meaning = TypeVar("_Meaning")


def _read_charge(base: UsageType, text: str) -> UsageType | None:
    """Read the words that follow the model; `None` where they are not understood or disagree."""
    words = set(_words(text))
    routings = _meanings(words, _ROUTINGS)
    tiers = _meanings(words, _TIERS)
    plans = _meanings(words, _PLANS)
    if words - _UNDERSTOOD or len(routings) > 1 or len(tiers) > 1:
        return None
    charge = replace(
        base,
        routing=_only(routings) or (Routing.GEOGRAPHY if "cross" in words else Routing.REGION),
        service_tier=_only(tiers),
        plan=max(plans, key=list(Plan).index, default=Plan.ON_DEMAND),
        is_long_context=not words.isdisjoint(_LONG_CONTEXT),
    )
    if words.isdisjoint(_TOKENS):
        return _with_unit(charge, words)
    kind = _token_kind(words)
    media = " ".join(sorted(words & _MEDIA))
    return None if kind is None else replace(charge, measure=kind, variant=media)


def _with_unit(charge: UsageType, words: set[str]) -> UsageType | None:
    """Add the unit other than tokens; `None` unless the words name exactly one."""
    if words >= _SEARCHES:
        return replace(charge, measure=BilledUnit.SEARCH_UNIT)
    media = words & _MEDIA
    is_output = TokenKind.OUTPUT in _meanings(words, _DIRECTIONS)
    variant = "output" if is_output else ""
    if words.isdisjoint(_SECONDS):
        is_image = not words.isdisjoint(_IMAGES) and media <= _IMAGES
        return replace(charge, measure=BilledUnit.IMAGE, variant=variant) if is_image else None
    seconds = {"audio": BilledUnit.AUDIO_SECOND, "video": BilledUnit.VIDEO_SECOND}
    unit = _only(_meanings(words, seconds)) if len(media) == 1 else None
    return None if unit is None else replace(charge, measure=unit, variant=variant)


def _token_kind(words: set[str]) -> TokenKind | None:
    directions, lifetimes = _meanings(words, _DIRECTIONS), _meanings(words, _LIFETIMES)
    if "cache" not in words:
        return None if lifetimes else _only(directions)
    kind = _only(_meanings(words, _CACHE))
    if TokenKind.OUTPUT in directions or len(lifetimes) > (kind is TokenKind.CACHE_WRITE_5M):
        return None
    return _only(lifetimes) or kind


def _meanings(words: Iterable[str], meanings: Mapping[str, _Meaning]) -> set[_Meaning]:
    return {meanings[word] for word in words if word in meanings}


def _only(values: set[_Meaning]) -> _Meaning | None:
    """The value where there is exactly one."""
    return next(iter(values)) if len(values) == 1 else None


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]
