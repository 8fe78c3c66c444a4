"""Writes Parquet with DuckDB, from CSV: both files then hold the same."""

from __future__ import annotations

from pathlib import Path
from typing import TypeAlias

import duckdb

from lambdas.domain.focus import COLUMNS, FOCUS_VERSION, Column, DataType
from lambdas.domain.focus.columns import DECIMAL_DIGITS

_MEMORY = "256MB"  # beyond it, DuckDB goes on in files beside its output
_TYPES = {
    DataType.STRING: "VARCHAR",
    DataType.JSON: "VARCHAR",
    DataType.DATE_TIME: "TIMESTAMPTZ",
}
_Setting: TypeAlias = "str | bool | int | float | list[str]"
_NOTHING_ELSE = (
    "SET TimeZone = 'UTC'",
    "SET allowed_directories = [{csv}, {parquet}]",
    "SET enable_external_access = false",
)

# One reader: a text may have line ends in it.
_COPY = """
COPY (
  SELECT * FROM read_csv(
    $csv, columns = {columns}, auto_detect = false, header = true, parallel = false,
    delim = ',', quote = '"', escape = '"', nullstr = '', max_line_size = 1048576
  )
) TO {parquet} (FORMAT parquet, COMPRESSION zstd, KV_METADATA {{FocusVersion: '{version}'}})
"""


class ParquetError(Exception):
    """A file could not be converted. The text says why."""


def convert_to_parquet(csv: Path, parquet: Path) -> int:
    """Write the rows of a CSV file, gzipped or not, as Parquet; gives how many there are.

    Args:
        csv: What `write_csv` wrote.
        parquet: The file to write, in a folder that holds what does not fit into memory.

    Raises:
        ParquetError: It could not be read, or there is no room to write.
    """
    settings: dict[str, _Setting] = {
        "threads": 1,
        "memory_limit": _MEMORY,
        "temp_directory": str(parquet.parent),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    columns = {column.name: _type_of(column) for column in COLUMNS}
    copy = _COPY.format(columns=columns, parquet=_quoted(str(parquet)), version=FOCUS_VERSION)
    folders = {"csv": _quoted(str(csv.parent)), "parquet": _quoted(str(parquet.parent))}
    try:
        with duckdb.connect(config=settings) as database:
            for statement in _NOTHING_ELSE:
                database.execute(statement.format(**folders))
            (written,) = database.execute(copy, {"csv": str(csv)}).fetchone() or (0,)
    except duckdb.Error as error:
        raise ParquetError(str(error)) from error
    return int(written)


def _type_of(column: Column) -> str:
    if column.data_type is DataType.DECIMAL:
        return f"DECIMAL({DECIMAL_DIGITS}, {column.decimal_places})"
    return _TYPES[column.data_type]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
