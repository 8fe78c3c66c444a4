"""Streams the products and prices out of a bulk file of the AWS Price List, within limits.

Format: https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-service-price-list-file-for-services.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, TypeAlias

import ijson

from lambdas.domain.pricing.price_list.rows import (
    DAY_LENGTH,
    Attributes,
    LeftOut,
    ListedPrice,
    NotARow,
)

_HEADER = frozenset({"offerCode", "publicationDate", "version"})
_ATTRIBUTES = frozenset(
    {"feature", "model", "regionCode", "service_tier", "servicename", "titanModel", "usagetype"}
)
_MAX_DEPTH = 20
_MAX_DIGITS = 1_000
_LONG_NUMBER = re.compile(rb"\d{%d}" % (_MAX_DIGITS + 1))
"""The C parser crashes at numbers of about 100,000 digits, before it can report one."""
_SUBJECT_LENGTH = 100  # characters of what is too long
_Event: TypeAlias = tuple[str, Any]
_Path: TypeAlias = tuple[str, ...]


class PriceListFileError(ValueError):
    """A file that is not a bulk file of the AWS Price List, or is larger than its limits."""


@dataclass(frozen=True, slots=True)
class FileLimits:
    """Limits of one bulk file. The largest one of Bedrock holds about 1,000 products.

    Attributes:
        max_bytes: Of the file, decompressed.
        max_products: Products with a price.
        max_text_length: Characters of one attribute.
    """

    max_bytes: int = 64 * 1024 * 1024
    max_products: int = 20_000
    max_text_length: int = 1_000


DEFAULT_LIMITS = FileLimits()


class BinaryReader(Protocol):
    """A file or a response that is read in pieces."""

    def read(self, size: int = -1, /) -> bytes:
        """Read up to so many bytes; an empty text of bytes at the end."""


class ListedProduct(NamedTuple):
    """A product with one of its prices on demand."""

    attributes: Attributes
    price: ListedPrice


@dataclass(frozen=True, slots=True)
class BulkFile:
    """The content of a bulk file.

    Attributes:
        offer: The code of the offer.
        version: AWS's name of the edition.
        published_on: The day of the edition, ISO 8601; empty where the file names no day.
        products: Products with a price on demand, in order of the file.
        left_out: Rows that cannot be the price of a product, each with the reason.
    """

    offer: str
    version: str
    published_on: str
    products: tuple[ListedProduct, ...]
    left_out: tuple[NotARow, ...]

    @property
    def source(self) -> str:
        """The name of the offer and its edition, as a price book shows it."""
        return f"AWS Price List {self.offer} {self.published_on}".rstrip()


def read_bulk_file(file: BinaryReader, limits: FileLimits = DEFAULT_LIMITS) -> BulkFile:
    """Read a bulk file without holding all of its text in memory.

    Raises:
        PriceListFileError: It is not such a file, it is cut off, or it exceeds a limit.
    """
    parts = _Parts(limits)
    try:
        for path, value in _entries(ijson.basic_parse(_Bounded(file, limits.max_bytes))):
            parts.add(path, value)
    except PriceListFileError:
        raise
    except (ijson.JSONError, ValueError, OverflowError) as error:
        message = "the price list is not JSON, or it is cut off"
        raise PriceListFileError(message) from error
    return parts.join()


class _Bounded:
    """A reader that fails at a number of bytes, and at a number of digits in a row."""

    def __init__(self, file: BinaryReader, max_bytes: int) -> None:
        self._file = file
        self._left = max_bytes
        self._end = b""

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._left -= len(data)
        if self._left < 0:
            message = "the price list is larger than its limit"
            raise PriceListFileError(message)
        if _LONG_NUMBER.search(self._end + data):
            message = f"the price list has a number of more than {_MAX_DIGITS:,} digits"
            raise PriceListFileError(message)
        self._end = (self._end + data)[-_MAX_DIGITS:]
        return data


def _entries(events: Iterable[_Event]) -> Iterator[tuple[_Path, Any]]:
    """The header's values, and each product and term, with the keys that lead to them."""
    keys: list[str] = []
    events = iter(events)
    for event, value in events:
        path = tuple(keys)
        if event == "map_key":
            keys[-1] = value
        elif event in {"start_map", "start_array"}:
            if _is_entry(path):
                yield path, _build((event, value), events)
                continue
            keys.append("")
            if len(keys) > _MAX_DEPTH:
                message = "the price list is nested too deeply"
                raise PriceListFileError(message)
        elif event in {"end_map", "end_array"}:
            keys.pop()
        elif len(path) == 1:
            yield path, value


def _is_entry(path: _Path) -> bool:
    """Say if it leads to `products.<sku>` or to `terms.OnDemand.<sku>`."""
    match path:
        case ("products", _) | ("terms", "OnDemand", _):
            return True
        case _:
            return False


def _build(first: _Event, events: Iterator[_Event]) -> Any:  # noqa: ANN401  it is JSON
    builder = ijson.ObjectBuilder()
    builder.event(*first)
    depth = 1
    while depth:
        event, value = next(events)
        builder.event(event, value)
        depth += event.startswith("start_") - event.startswith("end_")
        if depth > _MAX_DEPTH:
            message = "the price list is nested too deeply"
            raise PriceListFileError(message)
    return builder.value


@dataclass
class _Parts:
    """Products and terms, which the file holds apart and in either order."""

    limits: FileLimits
    header: dict[str, str] = field(default_factory=dict)
    products: dict[str, dict[str, str]] = field(default_factory=dict)
    prices: dict[str, list[ListedPrice]] = field(default_factory=dict)
    left_out: list[NotARow] = field(default_factory=list)
    tiered: set[str] = field(default_factory=set)

    def add(self, path: _Path, value: Any) -> None:  # noqa: ANN401  it is JSON
        sku = path[-1]
        if path[0] == "products" and len(path) > 1:
            self._add_product(sku, value)
        elif path[0] == "terms" and len(path) > 1:
            self.prices.setdefault(sku, []).extend(self._read_terms(sku, value))
        elif sku in _HEADER and isinstance(value, str):
            self.header[sku] = value[: self.limits.max_text_length]
        if max(len(self.products), len(self.prices)) > self.limits.max_products:
            message = "the price list has more products than its limit"
            raise PriceListFileError(message)

    def _add_product(self, sku: str, product: Any) -> None:  # noqa: ANN401
        attributes = product.get("attributes") if isinstance(product, dict) else None
        texts = {
            name: value
            for name, value in (attributes if isinstance(attributes, dict) else {}).items()
            if name in _ATTRIBUTES and isinstance(value, str)
        }
        too_long = [text for text in texts.values() if len(text) > self.limits.max_text_length]
        if too_long:
            subject = texts.get("usagetype", too_long[0])[:_SUBJECT_LENGTH]
            self.left_out.append(NotARow(LeftOut.TEXT_TOO_LONG, subject))
        self.products[sku] = {} if too_long else texts

    def _read_terms(self, sku: str, terms: Any) -> Iterator[ListedPrice]:  # noqa: ANN401
        for term in terms.values() if isinstance(terms, dict) else ():
            dimensions = term.get("priceDimensions") if isinstance(term, dict) else None
            if not isinstance(dimensions, dict):
                continue
            if len(dimensions) > 1:
                self.tiered.add(sku)
                continue
            for price in dimensions.values():
                usd = price.get("pricePerUnit") if isinstance(price, dict) else None
                yield ListedPrice(
                    unit=_text(price.get("unit")) if isinstance(price, dict) else "",
                    usd=_text(usd.get("USD")) if isinstance(usd, dict) else "",
                    effective_from=_text(term.get("effectiveDate")),
                )

    def join(self) -> BulkFile:
        offer = self.header.get("offerCode")
        if offer is None:
            message = "the price list does not name its offer"
            raise PriceListFileError(message)
        products, left_out = [], list(self.left_out)
        for sku, attributes in self.products.items():
            usage_type = attributes.get("usagetype", "")
            if sku in self.tiered:
                left_out.append(NotARow(LeftOut.VOLUME_TIER, usage_type))
            elif not self.prices.get(sku):
                left_out.append(NotARow(LeftOut.NO_USD_PRICE, usage_type))
            elif attributes:
                products += [ListedProduct(attributes, price) for price in self.prices[sku]]
        orphans = self.prices.keys() - self.products.keys()
        left_out += [NotARow(LeftOut.NO_PRODUCT, sku) for sku in sorted(orphans)]
        return BulkFile(
            offer=offer,
            version=self.header.get("version", ""),
            published_on=self.header.get("publicationDate", "")[:DAY_LENGTH],
            products=tuple(products),
            left_out=tuple(left_out),
        )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
