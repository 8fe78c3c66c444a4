"""An entry of the audit trail: a change, and the hash of the entry before it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any, TypeAlias

from lambdas.domain.times import read_time, write_time

Json: TypeAlias = Any
"""A document: `None`, text, a whole number, true or false, and lists and objects of these."""
_FORMAT = 1
_MAX_SUBJECT_LETTERS = 500
_MAX_KIND_LETTERS = 40
_MAX_STATE_BYTES = 64 * 1024
_HASH_LETTERS = 64
_OPENING = re.compile(r"[\[{]")
_MAX_PARTS = 200  # a budget's definition has fewer than ten


class AuditAction(StrEnum):
    """A change that the audit trail records."""

    CREATE_BUDGET = "budget.create"
    CHANGE_BUDGET = "budget.change"
    REBUILD_BUDGET = "budget.rebuild"
    DELETE_BUDGET = "budget.delete"
    ACTIVATE_BUDGET = "budget.activate"
    """The sums are complete, so the budget alerts from now on."""
    INTERRUPT_BUDGET = "budget.interrupt"
    """The budget cannot be read, so it does not alert."""
    RESUME_BUDGET = "budget.resume"
    """The budget can be read again, and its sums lack the usage of the gap."""
    CHANGE_CONTRACTED_PRICES = "contracted_prices.change"
    CHANGE_BRAKE_SETTINGS = "brake_settings.change"
    """A deployment changed the settings that decide who can be denied."""
    UPDATE_PRICES = "prices.update"
    """The daily check published or held prices."""
    ACCEPT_PRICES = "prices.accept"
    REJECT_PRICES = "prices.reject"
    SUPERSEDE_PRICES = "prices.supersede"
    CHANGE_PRICES = "prices.change"
    """Prices changed, and neither the daily check nor a decision did it."""
    UNREADABLE_EVENT = "event.unreadable"
    """An event for the audit trail that the meter did not write."""
    DENY = "deny.attach"
    """A principal or a session is denied: it can no longer call Bedrock."""
    CHANGE_DENY = "deny.change"
    """A deny has other budgets or another end, or someone else took it off."""
    RELEASE = "deny.release"
    """A principal or a session is no longer denied."""
    RELEASE_BY_HAND = "deny.release_by_hand"
    """Someone decided that a caller is not denied for a budget until a time."""
    SWITCH_BRAKE = "brake.switch"
    CHANGE_LIMITS = "limits.change"
    """The policies of the gateway were replaced."""
    CREATE_KEY = "api_key.create"
    ROTATE_KEY = "api_key.rotate"
    """A key got a successor, and an end."""
    REVOKE_KEY = "api_key.revoke"
    ADD_WEBHOOK = "webhook.add"
    REMOVE_WEBHOOK = "webhook.remove"
    ENABLE_WEBHOOK = "webhook.enable"
    """A receiver of events was switched on again."""
    ROTATE_WEBHOOK = "webhook.rotate"
    """A receiver of events got a new secret."""


class InvalidEntryError(ValueError):
    """A text is not an entry of the audit trail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedChange:
    """A change, before it is in the chain.

    Attributes:
        source: The id of what reported it. Each source makes one entry, however often it comes.
        changed_at: The time of the change.
        changed_by: The actor, as the writer of the change says: the id of a person, or a part of
            the meter; `None` where no one says.
        action: The kind of change.
        subject: The thing that changed, such as `budget:NAME`.
        before: Its state before; `None` if it did not exist.
        after: Its state afterwards; `None` if it does not exist.
    """

    source: str
    changed_at: datetime
    changed_by: str | None
    action: AuditAction
    subject: str
    before: Json = None
    after: Json = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """A change in its place in the chain.

    Attributes:
        sequence: The place: 1 for the first entry.
        recorded_at: The time at which it was appended.
        change: The change.
        previous_hash: The hash of the entry before it.
    """

    sequence: int
    recorded_at: datetime
    change: AuditedChange
    previous_hash: str

    @property
    def text(self) -> str:
        """The entry as canonical JSON, which is what its hash is made of."""
        change = self.change
        return write_canonical(
            {
                "format": _FORMAT,
                "sequence": self.sequence,
                "recorded_at": write_time(self.recorded_at),
                "source": change.source,
                "changed_at": write_time(change.changed_at),
                "changed_by": change.changed_by,
                "action": change.action.value,
                "subject": limit_subject(change.subject),
                "before": limit_state(change.before),
                "after": limit_state(change.after),
                "previous_hash": self.previous_hash,
            }
        )

    @property
    def hash(self) -> str:
        """The SHA-256 of the text, in hexadecimal digits."""
        return hash_text(self.text)


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as it is stored, which may have been tampered with.

    Attributes:
        place: The sequence in its key.
        text: Its canonical JSON.
        hash: Its hash.
    """

    place: int
    text: str
    hash: str

    @classmethod
    def from_entry(cls, entry: AuditEntry) -> StoredEntry:
        """Make what is stored of an entry."""
        text = entry.text
        return cls(entry.sequence, text, hash_text(text))


def write_canonical(document: Json) -> str:
    """Write JSON in the one form that is hashed: sorted keys, no spaces, ASCII."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)


def read_plain_json(text: str) -> Json:
    """Read JSON that others may have written; numbers that are not whole stay text.

    Raises:
        ValueError: It is not JSON, or has more parts than the meter writes.
    """
    if len(_OPENING.findall(text)) > _MAX_PARTS:
        message = "too many lists and objects"
        raise ValueError(message)
    return json.loads(text, parse_float=str, parse_constant=str)


def read_json_or_text(value: Json) -> Json:
    """Read JSON that others may have written; what is not JSON is recorded as it is."""
    if not isinstance(value, str):
        return value
    try:
        return read_plain_json(value)
    except ValueError:
        return value


def hash_text(text: str) -> str:
    """Return the SHA-256 of a text in hexadecimal digits."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def is_hash(text: str) -> bool:
    """Say if a text has the form of a hash."""
    return len(text) == _HASH_LETTERS and set(text) <= set("0123456789abcdef")


def limit_subject(subject: str) -> str:
    """Limit the length of a subject, so that it fits in a key; a longer one has its hash.

    A limited subject stays as it is.
    """
    if len(subject) <= _MAX_SUBJECT_LETTERS and subject.isascii():
        return subject
    kind = subject.partition(":")[0]
    if len(kind) > _MAX_KIND_LETTERS or not kind.isascii():
        kind = "other"
    return f"{kind}:sha256:{hash_text(subject)}"


def read_entry(text: str) -> AuditEntry:
    """Read an entry.

    Raises:
        InvalidEntryError: The text is not what `AuditEntry.text` writes.
    """
    try:
        document = json.loads(text)
        entry = AuditEntry(
            sequence=int(document["sequence"]),
            recorded_at=read_time(document["recorded_at"]),
            change=AuditedChange(
                source=document["source"],
                changed_at=read_time(document["changed_at"]),
                changed_by=document["changed_by"],
                action=AuditAction(document["action"]),
                subject=document["subject"],
                before=document["before"],
                after=document["after"],
            ),
            previous_hash=document["previous_hash"],
        )
        is_same = entry.text == text  # of the same format, with nothing added
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        message = f"not an entry: {type(error).__name__}"
        raise InvalidEntryError(message) from error
    if not is_same:
        message = "not in its canonical form"
        raise InvalidEntryError(message)
    return entry


def limit_state(state: Json) -> Json:
    """Limit the size of a state, so that an entry always fits in an item; a larger one is hashed.

    An item holds 400 KB:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
    """
    text = write_canonical(state)
    if len(text) <= _MAX_STATE_BYTES:
        return state
    return {"bytes": len(text), "sha256": hash_text(text)}
