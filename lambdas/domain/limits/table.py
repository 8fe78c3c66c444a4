"""Names of the items of limits in a table.

| partition key | sort key | item |
|---|---|---|
| `limits#NN` | the id of a subject | the state of the subject |

`NN` is a part of the digest of the id. So a few queries list all subjects, and no partition has all
of the traffic.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256

PARTITIONS = 64
PREFIX = "limits#"
"""The prefix of all partition keys."""


def choose_partition(subject_id: str) -> str:
    """Choose the partition of a subject."""
    return _write_partition(sha256(subject_id.encode()).digest()[0] % PARTITIONS)


def list_partitions() -> Iterator[str]:
    """List all partitions."""
    return map(_write_partition, range(PARTITIONS))


def _write_partition(number: int) -> str:
    return f"{PREFIX}{number:02}"
