"""Names in the table of the audit trail, `Audit`. Items are put once, never changed or deleted.

| partition key | sort key | item |
|---|---|---|
| `chain` | the sequence, with zeros before it | an entry: its text and its hash |
| `source#SOURCE` | `-` | the sequence of the entry that was made of a source |
| `subject#SUBJECT` | the sequence, with zeros before it | nothing: the entry is about it |
| `verifications` | the time | the number of problems that a verification of the whole found |
"""

from __future__ import annotations

PARTITION_KEY = "pk"
SORT_KEY = "sk"
CHAIN = "chain"
"""The partition of all entries, in their order."""
VERIFICATIONS = "verifications"
"""The partition of verifications of the whole."""
SOURCE_PREFIX = "source#"
SUBJECT_PREFIX = "subject#"
ONLY = "-"
"""The sort key of an item that is alone in its partition."""
TEXT, HASH = "entry", "hash"
"""The attributes of an entry."""
ANCHORS_PREFIX = "anchors/"
"""The prefix of anchors in their bucket."""
_SEQUENCE_DIGITS = 12


def write_place(sequence: int) -> str:
    """Write a sequence so that texts have the order of numbers."""
    return f"{sequence:0{_SEQUENCE_DIGITS}}"
