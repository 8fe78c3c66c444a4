"""Writes Parquet with DuckDB, from CSV: both files then hold the same."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

import duckdb

from lambdas.domain.reports.focus import (
    COLUMNS,
    DECIMAL_DIGITS,
    FOCUS_VERSION,
    Column,
    DataType,
)

_LOGGING_STATE = "256MB"  # beyond it, DuckDB goes on in files beside its output
_ROWS_AT_A_TIME = 20_000  # its reader of CSV keeps texts with quotes in memory to the file's end
_TYPES = {
    DataType.STRING: "VARCHAR",
    DataType.JSON: "VARCHAR",
    DataType.DATE_TIME: "TIMESTAMPTZ",
}
_GZIP_SUFFIX = ".gz"
_Setting: TypeAlias = "str | bool | int | float | list[str]"

_NOTHING_ELSE = (
    "SET TimeZone = 'UTC'",
    "SET allowed_directories = [{folder}]",
    "SET enable_external_access = false",  # no network, no other file
)
# One reader, since a text may have line ends in it.
_READ = """
INSERT INTO costs SELECT * FROM read_csv(
  $part, columns = {columns}, auto_detect = false, header = true, parallel = false,
  delim = ',', quote = '"', escape = '"', nullstr = '', max_line_size = 1048576
)
"""
_WRITE = """
COPY costs TO {parquet} (
  FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 61440, KV_METADATA {{FocusVersion: '{version}'}}
)
"""


class ParquetError(Exception):
    """A file could not be converted. The text says why."""


def convert_to_parquet(csv: Path, parquet: Path, columns: Sequence[Column] = COLUMNS) -> int:
    """Write the rows of a CSV file as Parquet; gives how many there are.

    Args:
        csv: The file that `write_csv_file` wrote.
        parquet: The file to write, in a folder with room for all rows once more.
        columns: The columns of the file, in order.

    Raises:
        OSError: The CSV cannot be read, or there is no room.
        ParquetError: It holds something else, or there is no room to write.
    """
    settings: dict[str, _Setting] = {
        "threads": 1,
        "memory_limit": _LOGGING_STATE,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    types = {column.name: _get_type(column) for column in columns}
    fields = ", ".join(f'"{name}" {type_}' for name, type_ in types.items())
    write = _WRITE.format(parquet=_quoted(parquet), version=FOCUS_VERSION)
    with TemporaryDirectory(dir=parquet.parent) as folder:
        part = Path(folder, "part.csv")
        try:
            with duckdb.connect(Path(folder, "costs.duckdb"), config=settings) as database:
                for statement in _NOTHING_ELSE:
                    database.execute(statement.format(folder=_quoted(parquet.parent)))
                database.execute(f"CREATE TABLE costs ({fields})")
                for content in _parts(csv, [*types]):
                    part.write_bytes(content)
                    database.execute(_READ.format(columns=types), {"part": str(part)})
                (written,) = database.execute(write).fetchone() or (0,)
        except duckdb.Error as error:
            # The lines after the first one quote the row, up to all of it.
            raise ParquetError(str(error).partition("\n")[0]) from error
    return int(written)


def _parts(csv: Path, names: Sequence[str]) -> Iterator[bytes]:
    """The content of a file in pieces, each with the header.

    Raises:
        ParquetError: Its columns have other names.
    """
    with gzip.open(csv) if csv.suffix == _GZIP_SUFFIX else csv.open("rb") as lines:
        header, records = lines.readline(), _records(lines)
        if header.decode("utf-8", "replace").strip().split(",") != names:
            message = f"{csv.name} has other columns"
            raise ParquetError(message)
        while piece := b"".join(islice(records, _ROWS_AT_A_TIME)):
            yield header + piece


def _records(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Lines, joined where one ends within quotes.

    Raises:
        ParquetError: The last one does.
    """
    record = b""
    for line in lines:
        record += line
        if record.count(b'"') % 2 == 0:
            yield record
            record = b""
    if record:
        message = "the last row is cut off"
        raise ParquetError(message)


def _get_type(column: Column) -> str:
    if column.data_type is DataType.DECIMAL:
        return f"DECIMAL({DECIMAL_DIGITS}, {column.decimal_places})"
    return _TYPES[column.data_type]


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
