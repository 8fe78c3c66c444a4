"""Reads the prices of the package `litellm`, which is unpacked and not installed."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, Self

from cdk.operations.price_sources.source import IN_THE_US, WORLDWIDE, SourcePrices
from cdk.operations.terminal import CommandError
from lambdas.domain.pricing import Price, PriceBook, Rates, Routing, TokenKind
from lambdas.domain.pricing.routes import PriceScope

_FILE = "model_prices_and_context_window_backup.json"
_US = "us"
_KINDS = {
    "input_cost_per_token": TokenKind.INPUT,
    "output_cost_per_token": TokenKind.OUTPUT,
    "cache_read_input_token_cost": TokenKind.CACHE_READ,
    "cache_creation_input_token_cost": TokenKind.CACHE_WRITE_5M,
    "cache_creation_input_token_cost_above_1hr": TokenKind.CACHE_WRITE_1H,
}
_MODES = {"chat", "embedding"}
_PROVIDERS = {"bedrock", "bedrock_converse"}
# `input_cost_per_token`, `..._above_200k_tokens`, `..._flex`, `..._above_200k_tokens_priority`.
_COST = re.compile(
    r"(?P<cost>\w+?)(?:_above_(?P<thousands>\d+)k_tokens)?(?:_(?P<tier>flex|priority))?"
)
# `amazon.nova-pro-v1:0`, `eu.amazon.nova-pro-v1:0`, `bedrock/eu-west-1/amazon.nova-pro-v1:0`.
_NAME = re.compile(
    r"(?:bedrock/(?P<region>[a-z]+(?:-[a-z]+)+-\d)/)?"
    r"(?:(?P<prefix>us|eu|apac|au|jp|in|ca|us-gov|global)\.)?"
    r"(?P<model>[a-z0-9]+\.[a-z][\w.:-]+)"
)
_NO_PREFIX = ""


@dataclass(frozen=True, slots=True)
class Litellm:
    """The package's file of prices.

    Attributes:
        version: The name and version of the package.
        text: The content of the file.
    """

    version: str
    text: str
    name: str = "litellm"
    is_authoritative: bool = False

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Open the folder in which the package is unpacked.

        Raises:
            CommandError: The folder does not contain the package.
        """
        try:
            text = (folder / "litellm" / _FILE).read_text()
            (about,) = folder.glob("litellm-*.dist-info")
        except (OSError, ValueError) as error:
            message = f"{folder} has no litellm: run make prices."
            raise CommandError(message) from error
        return cls(about.name.removesuffix(".dist-info").replace("-", " "), text)

    def read(self, book: PriceBook, today: date) -> SourcePrices:
        """Read all prices of Bedrock."""
        del book  # the file says the sizes of large calls
        return SourcePrices(tuple(read_litellm_prices(self.text, self.version, today)))


def read_litellm_prices(text: str, source: str, read_on: date) -> Iterator[Price]:
    """Read the prices of litellm's JSON, in every scope that it names.

    A model's bare name has the price of the United States. Where the `us.` profile costs more than
    the bare name, the latter is the global price.

    Args:
        text: The content of `model_prices_and_context_window_backup.json`.
        source: The name and version of the package.
        read_on: The day on which it is read.
    """
    found: defaultdict[tuple[str, str | None], dict[str, tuple[Rates, ...]]] = defaultdict(dict)
    for model_id, place, tier, rates in _read_entries(json.loads(text, parse_float=Decimal)):
        found[model_id, tier][place] = rates
    for (model_id, tier), by_place in found.items():
        standard = found.get((model_id, None), by_place)
        bare, of_us = standard.get(_NO_PREFIX), standard.get(_US)
        is_bare_global = bool(bare and of_us and bare[0] != of_us[0])
        for scope, rates in _by_scope(by_place, is_bare_global=is_bare_global).items():
            yield Price(model_id, *scope, None, rates, source, read_on, tier)


# litellm has 42,000 for each of them. AWS's page of the models says 4K, 8K and 32K, and its page of
# their parameters allows answers of 4,096 and 8,192 tokens. 32K is taken as the smaller reading.
# https://docs.aws.amazon.com/bedrock/latest/userguide/titan-text-models.html
# https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-text.html
_CORRECTED_WINDOWS = {
    "amazon.titan-text-lite-v1": 4_096,
    "amazon.titan-text-express-v1": 8_192,
    "amazon.titan-text-premier-v1:0": 32_000,
}


def read_context_windows(text: str) -> dict[str, int]:
    """Read the largest input of each model in tokens; where scopes differ, the smallest.

    Args:
        text: The content of `model_prices_and_context_window_backup.json`.
    """
    windows: dict[str, int] = {}
    for name, entry in json.loads(text).items():
        found, tokens = _NAME.fullmatch(name), entry.get("max_input_tokens")
        is_chat = entry.get("litellm_provider") in _PROVIDERS and entry.get("mode") == "chat"
        if found and is_chat and isinstance(tokens, int):
            windows[found["model"]] = min(tokens, windows.get(found["model"], tokens))
    return {name: _CORRECTED_WINDOWS.get(name, tokens) for name, tokens in windows.items()}


def read_ends_of_life(text: str) -> dict[str, str]:
    """Read the announced end of life of each model as an ISO date; the first one of its scopes.

    A model has not ended while one of its scopes has no date: AWS announces some for a Region only.

    Args:
        text: The content of `model_prices_and_context_window_backup.json`.
    """
    found: defaultdict[str, set[str | None]] = defaultdict(set)
    for name, entry in json.loads(text).items():
        if (match := _NAME.fullmatch(name)) and entry.get("litellm_provider") in _PROVIDERS:
            found[match["model"]].add(entry.get("deprecation_date"))
    return {model: min(filter(None, ends)) for model, ends in found.items() if None not in ends}


def _by_scope(
    by_place: Mapping[str, tuple[Rates, ...]], *, is_bare_global: bool
) -> dict[PriceScope, tuple[Rates, ...]]:
    bare = by_place.get(_NO_PREFIX)
    scopes: dict[PriceScope, tuple[Rates, ...]] = {}
    for place, rates in by_place.items():
        if place == Routing.GLOBAL:
            scopes.update(dict.fromkeys(WORLDWIDE, rates))
        elif place not in {_NO_PREFIX, _US}:
            routing = Routing.REGION if place[-1].isdigit() else Routing.GEOGRAPHY
            scopes[routing, place] = rates
    in_the_us = by_place.get(_US) or (None if is_bare_global else bare)
    if in_the_us:
        scopes = dict.fromkeys(IN_THE_US, in_the_us) | scopes
    if bare and is_bare_global:
        scopes = dict.fromkeys(WORLDWIDE, bare) | scopes
    return scopes


def _read_entries(
    entries: Mapping[str, Any],
) -> Iterator[tuple[str, str, str | None, tuple[Rates, ...]]]:
    for name, entry in entries.items():
        found = _NAME.fullmatch(name)
        if (
            found is None
            or entry.get("litellm_provider") not in _PROVIDERS
            or entry.get("mode") not in _MODES
        ):
            continue
        place = found["region"] or found["prefix"] or _NO_PREFIX
        for tier, rates in _read_rates(entry).items():
            if TokenKind.INPUT in rates[0].usd_per_million:
                yield found["model"], place, tier, rates


def _read_rates(entry: Mapping[str, Any]) -> dict[str | None, tuple[Rates, ...]]:
    """The rates of an entry by service tier. A price of 0 there means that it is unknown."""
    costs: dict[str | None, dict[int, dict[TokenKind, Decimal]]] = {}
    for name, value in entry.items():
        found = _COST.fullmatch(name)
        kind = _KINDS.get(found["cost"]) if found else None
        if found and kind is not None and value:
            by_size = costs.setdefault(found["tier"], {0: {}})
            start = int(found["thousands"] or 0) * 1000
            by_size.setdefault(start, {})[kind] = Decimal(value).scaleb(6).normalize()
    return {
        tier: tuple(Rates(start, by_size[0] | by_size[start]) for start in sorted(by_size))
        for tier, by_size in costs.items()
    }
