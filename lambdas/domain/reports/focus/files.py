"""Files with the rows of charges, the same bytes for the same charges."""

from __future__ import annotations

import gzip
import hashlib
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from lambdas.domain.reports.focus.csv_format import write_csv
from lambdas.domain.reports.focus.rows import Row

COSTS_PREFIX = "focus/"
"""What the names of all files begin with, where they are kept."""

_GZIP_SUFFIX = ".gz"


def write_csv_file(rows: Iterable[Row], path: Path) -> None:
    """Write rows as a CSV file, gzipped if it is named so.

    Raises:
        OSError: It cannot be written.
    """
    with _open_text(path) as text:
        write_csv(rows, text)


def describe_file(path: Path) -> dict[str, Any]:
    """What a manifest says of a file, so that a reader finds out whether the two belong together.

    Raises:
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return {"name": path.name, "bytes": file.tell(), "sha256": digest.hexdigest()}


@contextmanager
def _open_text(path: Path) -> Iterator[TextIO]:
    if path.suffix != _GZIP_SUFFIX:
        with path.open("w", encoding="utf-8", newline="") as text:
            yield text
        return
    with (
        path.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=0) as packed,  # neither name nor time
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as text,
    ):
        yield text
