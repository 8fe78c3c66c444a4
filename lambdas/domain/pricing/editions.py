"""Documents of price updates: listings, editions, and the pointer to the edition in force.

Listings and editions are never overwritten; the pointer is replaced by conditional writes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Literal, NamedTuple, Protocol, Self, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from lambdas.domain.pricing.price import (
    MAX_USD,
    MAX_USD_DIGITS,
    BilledUnit,
    Routing,
    TokenKind,
)

PriceItem: TypeAlias = TokenKind | BilledUnit
"""The thing that a rate is for: a million tokens of a kind, or one unit."""

POINTER_KEY = "current.json"
EDITIONS_PREFIX = "editions/"
LISTINGS_PREFIX = "listings/"
"""The names of the documents in their bucket."""

_Usd: TypeAlias = Annotated[Decimal, Field(ge=0, le=MAX_USD, max_digits=MAX_USD_DIGITS)]
_Text: TypeAlias = Annotated[str, Field(min_length=1, max_length=500)]
_Time: TypeAlias = Annotated[
    AwareDatetime,
    Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(3000, 1, 1, tzinfo=UTC)),
]
"""A time with room for arithmetic: the calendar ends in the year 9999."""
_OFFER = r"^[A-Za-z0-9]{1,64}$"
_EDITION = r"^\d{8}T\d{6}Z-[0-9a-f]{8}$"
_HELD_ID_LENGTH = 8

PriceListOffer: TypeAlias = Annotated[str, Field(pattern=_OFFER)]
EditionId: TypeAlias = Annotated[str, Field(pattern=_EDITION)]


class RateKey(NamedTuple):
    """The place of one figure in the price book."""

    model_id: str
    routing: Routing
    place: str
    service_tier: str | None
    item: PriceItem
    above_input_tokens: int = 0


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ListedRate(_Document):
    """One figure of a price list, see `Price` for the fields.

    Attributes:
        model_id: The foundation model.
        routing: The way a call reaches the model.
        place: The Region, the prefix of a geography, or empty text.
        service_tier: The tier; `None` for the standard one.
        item: The kind of tokens, or the unit.
        above_input_tokens: The size of a call above which the rate holds.
        usd: US dollars for a million tokens, or for one unit.
    """

    model_id: _Text
    routing: Routing
    place: str
    service_tier: _Text | None = None
    item: PriceItem
    above_input_tokens: Annotated[int, Field(ge=0)] = 0
    usd: _Usd

    @model_validator(mode="after")
    def _has_sizes_of_tokens_alone(self) -> Self:
        if self.above_input_tokens and isinstance(self.item, BilledUnit):
            message = "units have no price by the size of a call"
            raise ValueError(message)
        return self

    @classmethod
    def from_key(cls, key: RateKey, usd: Decimal) -> ListedRate:
        """Make a rate from its key, with the figure written out."""
        return cls(**key._asdict(), usd=Decimal(f"{usd:f}"))

    @property
    def key(self) -> RateKey:
        """The place of the rate in the price book."""
        return RateKey(
            self.model_id,
            self.routing,
            self.place,
            self.service_tier,
            self.item,
            self.above_input_tokens,
        )


class Listing(_Document):
    """The rates that one offer of the AWS Price List has for one Region.

    Attributes:
        offer: The offer's code, such as `AmazonBedrock`.
        region: The Region.
        version: The offer's own version.
        rates: The rates, in order of their keys.
        unmapped_names: Names of models without a known model id.
        left_out: Numbers of rows that are no rates of logged calls, by reason.
    """

    offer: PriceListOffer
    region: _Text
    version: str
    rates: tuple[ListedRate, ...]
    unmapped_names: tuple[_Text, ...] = ()
    left_out: dict[str, int] = {}

    @property
    def key(self) -> str:
        """A name made from the content, so that the same listing is stored once."""
        return f"{self.offer}-{sha256(self.model_dump_json().encode()).hexdigest()[:16]}"


class PriceChange(ListedRate):
    """A rate that an edition adds to the price book.

    Attributes:
        effective_from: The first day, UTC, on which it holds; `date.min` for a first price.
        edition: The edition that added it.
        offer: The offer of the AWS Price List that has it.
        read_on: The day on which the offer was read.
    """

    effective_from: date
    edition: EditionId
    offer: PriceListOffer
    read_on: date


class SupersededEdition(_Document):
    """An edition whose changes no longer count, from its first day on.

    Attributes:
        edition: The edition.
        first_day: The first day, UTC, on which its changes counted.
        superseded_at: The time of the decision. Calls that were published before it, and up to
            ten minutes after it, may have been priced by the superseded changes.
        reason: The reason that the operator gave.
    """

    edition: EditionId
    first_day: date
    superseded_at: _Time
    reason: _Text


class Edition(_Document):
    """All changes to the shipped price book up to a point in time.

    Attributes:
        format: The version of this document's layout.
        id: The edition's name.
        published_at: The time of its publication.
        first_day: The first day, UTC, on which its own changes hold.
        changes: The changes of this edition and of all earlier ones, the oldest first.
        superseded: Editions whose changes no longer count.
    """

    format: Literal[1] = 1
    id: EditionId
    published_at: _Time
    first_day: date
    changes: tuple[PriceChange, ...]
    superseded: tuple[SupersededEdition, ...] = ()

    @property
    def changes_in_force(self) -> Sequence[PriceChange]:
        """The changes that still count, the oldest first."""
        withdrawn = {entry.edition for entry in self.superseded}
        return [change for change in self.changes if change.edition not in withdrawn]

    def before(self, entry: SupersededEdition) -> Edition:
        """The edition as if this decision, and those after it, had not been made."""
        made = self.superseded[: self.superseded.index(entry)]
        return self.model_copy(update={"superseded": made})


class HoldReason(StrEnum):
    """A reason why a candidate price waits for a decision."""

    LARGE_CHANGE = "large_change"
    """It is more than twice the known price, or less than half of it."""
    NEW_ZERO = "new_zero"
    """It is 0, and the known price is not."""
    REMOVED = "removed"
    """The list no longer has a price that it had."""
    UNMAPPED_NAME = "unmapped_name"
    """The list names a model without a known model id."""
    AMBIGUOUS = "ambiguous"
    """Two offers list different prices of the same thing."""
    SUPERSEDED = "superseded"
    """An edition that had it was superseded."""


class HeldPrice(_Document):
    """A candidate that waits for a decision. Until then the old price stays.

    Attributes:
        reason: The reason for holding it.
        offer: The offer that lists it, or listed it.
        since: The time at which it was first seen.
        name: The model id, or the name that is unmapped.
        rate: The candidate rate; `None` where the list has no rate.
        removed: The rate that the list no longer has.
        usd_before: The known price; `None` where no price was known.
        read_on: The day on which the offer was read.
        is_first: True where no price of its model, tier and item was known, see `OfferedRate`.
    """

    reason: HoldReason
    offer: PriceListOffer
    since: _Time
    name: _Text
    rate: ListedRate | None = None
    removed: ListedRate | None = None
    usd_before: _Usd | None = None
    read_on: date
    is_first: bool = False

    @property
    def id(self) -> str:
        """A short name: the same for as long as the list says the same."""
        rate = self.rate or self.removed
        said = f"{self.reason}|{self.name}|{rate.model_dump_json() if rate else ''}"
        return sha256(said.encode()).hexdigest()[:_HELD_ID_LENGTH]


class OfferState(_Document):
    """The state in which an offer was last read.

    Attributes:
        listing: The key of its listing; `None` where the Region does not have the offer.
        etag: The entity tag of the file, for a conditional request.
    """

    listing: str | None = None
    etag: str | None = None


class EditionSummary(_Document):
    """One line of the history of editions.

    Attributes:
        id: The edition's name.
        published_at: The time of its publication.
        first_day: The first day on which its changes hold.
        changes: The number of its own changes.
        reason: The occasion of its publication.
    """

    id: EditionId
    published_at: _Time
    first_day: date
    changes: int
    reason: _Text


class PriceDecision(StrEnum):
    """The occasion on which the pointer was written."""

    CHECK = "check"
    """The daily check of the AWS Price List."""
    ACCEPT = "accept"
    REJECT = "reject"
    SUPERSEDE = "supersede"


class LastChange(_Document):
    """The last write of the pointer, for the audit trail.

    Attributes:
        decision: Its occasion.
        made_at: Its time.
        made_by: The id of the person, or the part of the meter; `None` where governance is off.
    """

    decision: PriceDecision
    made_at: _Time
    made_by: Annotated[str, Field(max_length=100)] | None = None


class PriceUpdates(_Document):
    """The pointer: the edition in force, what is held, and the state of the offers.

    Attributes:
        format: The version of this document's layout.
        edition: The edition in force; `None` for the shipped price book alone.
        checked_at: The time of the last successful check of all offers.
        shipped_edition: The shipped price book that the offers were compared with.
        offers: The state of each offer.
        held: Candidates that wait for a decision.
        settled: Candidates that were rejected; the same ones are not held again.
        editions: The history of editions, the oldest first.
        last_change: The write that made this pointer.
    """

    format: Literal[1] = 1
    edition: EditionId | None = None
    checked_at: _Time | None = None
    shipped_edition: str = ""
    offers: dict[PriceListOffer, OfferState] = {}
    held: tuple[HeldPrice, ...] = ()
    settled: tuple[HeldPrice, ...] = ()
    editions: tuple[EditionSummary, ...] = ()
    last_change: LastChange | None = None


class PriceEditionsError(Exception):
    """The documents of price updates cannot be used. The text says why."""


class PriceEditionsUnavailableError(PriceEditionsError):
    """The store does not answer, or refuses."""


class InvalidPriceDocumentError(PriceEditionsError):
    """A document is not there, or is not what it should be."""


class PointerMovedError(PriceEditionsError):
    """Another run published first."""


class StoredPointer(NamedTuple):
    """The pointer as it was read.

    Attributes:
        updates: Its content.
        version: The version that a write replaces; `None` before the first write.
    """

    updates: PriceUpdates
    version: str | None


class PriceEditionReader(Protocol):
    """Reads editions: what functions that price calls need. Methods raise `PriceEditionsError`."""

    def read_pointer(self) -> StoredPointer:
        """Read the pointer; an empty one where nothing was published yet."""

    def read_newer_pointer(self, version: str | None) -> StoredPointer | None:
        """Read the pointer; `None` where it still has a version, or was never written."""

    def read_edition(self, edition: str) -> Edition:
        """Read an edition."""


class PriceEditions(PriceEditionReader, Protocol):
    """Stores listings and editions. Methods raise `PriceEditionsError`."""

    def read_listing(self, key: str) -> Listing:
        """Read a listing."""

    def write_listing(self, listing: Listing) -> None:
        """Write a listing, under its own key."""

    def write_edition(self, edition: Edition) -> None:
        """Write an edition, under its own name."""

    def publish(self, updates: PriceUpdates, replaces: str | None) -> None:
        """Replace the pointer if it still has the version that was read.

        Raises:
            PointerMovedError: It has another version.
        """


def name_edition(published_at: datetime, content: str) -> str:
    """Name an edition by its time and content."""
    return f"{published_at:%Y%m%dT%H%M%SZ}-{sha256(content.encode()).hexdigest()[:8]}"
