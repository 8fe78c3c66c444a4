"""Finds and reads the files of a CUR 2.0 export: CSV, gzipped or not, and Parquet.

Delivery: https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html
"""

from __future__ import annotations

import csv
import errno
import gzip
import json
import os
import re
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO, TypeAlias, cast

import duckdb

from cdk.operations.terminal import CommandError
from lambdas.domain.reports.reconciliation import (
    BEDROCK_CODES,
    BEDROCK_EDITION,
    BEDROCK_FAMILY,
    USAGE_LINES,
    Amounts,
    Bill,
    BillRow,
)

_PARQUET = ".parquet"
_SUFFIXES = (_PARQUET, ".csv", ".csv.gz")
_ALLOWED = ".csv, .csv.gz or .parquet"
_PARTITION = re.compile(r"BILLING_PERIOD=\d{4}-\d\d", re.IGNORECASE)
_MAX_HEADER_BYTES = 2**20
_PIECE_BYTES = 2**20
_MAX_TEXT_LENGTH = 2048
_MAX_MAP_LENGTH = 2**16
_ROWS_AT_A_TIME = 5_000
_LOGGING_STATE = "512MB"
_Setting: TypeAlias = "str | bool | int | float | list[str]"
_SETTINGS: dict[str, _Setting] = {
    "threads": 2,
    "memory_limit": _LOGGING_STATE,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}

COLUMNS: Mapping[str, str] = {
    "usage_start": "line_item_usage_start_date",
    "line_item_type": "line_item_line_item_type",
    "account_id": "line_item_usage_account_id",
    "usage_type": "line_item_usage_type",
    "usage_amount": "line_item_usage_amount",
    "unblended_cost": "line_item_unblended_cost",
    "usage_end": "line_item_usage_end_date",
    "product_code": "line_item_product_code",
    "net_unblended_cost": "line_item_net_unblended_cost",
    "unblended_rate": "line_item_unblended_rate",
    "currency": "line_item_currency_code",
    "iam_principal": "line_item_iam_principal",
    "resource_id": "line_item_resource_id",
    "public_cost": "pricing_public_on_demand_cost",
    "public_rate": "pricing_public_on_demand_rate",
    "pricing_unit": "pricing_unit",
    "family": "product_product_family",
    "servicecode": "product_servicecode",
    "region": "product_region_code",
}
"""The columns of an export that are read, by the field of `BillRow` and in the same order."""
REQUIRED = tuple(COLUMNS[name] for name in BillRow._fields[: -len(BillRow._field_defaults)])
_PRODUCT = "product"
_PRODUCT_KEYS = ("model", "servicename", "product_name", "feature", "region", "pricing_unit")
"""The keys of the column `product` that are read; a column of its own goes first."""
_FALLBACKS = ("region", "pricing_unit")
"""The fields of `BillRow` that such a key can fill."""
_SWITCHES = {
    "line_item_iam_principal": (
        "The bill names no callers: the comparison leaves them out. Switch on"
        " INCLUDE_IAM_PRINCIPAL_DATA."
    ),
    "line_item_resource_id": (
        "The bill names no inference profiles: calls through them may not find their model. Switch"
        " on INCLUDE_RESOURCES."
    ),
    "line_item_net_unblended_cost": (
        "The bill has no net costs: costs before discounts are compared. Select"
        " line_item_net_unblended_cost if the account has discounts."
    ),
    "pricing_public_on_demand_cost": (
        "The bill has no public costs: list cost is amount times rate. Select"
        " pricing_public_on_demand_cost."
    ),
}
"""The effect of a missing column, and the way to get it."""


class UnreadableBillError(CommandError):
    """A bill cannot be found or read."""


@dataclass(frozen=True, slots=True)
class CurFiles:
    """The files of an export.

    Attributes:
        paths: Files with lines of the bill.
        left_out: Files of earlier runs of the export, which hold the same lines.
    """

    paths: tuple[Path, ...]
    left_out: int


def find_cur_files(paths: Iterable[Path]) -> CurFiles:
    """Find the files of an export behind paths; of each month the newest run alone counts.

    Raises:
        UnreadableBillError: A path leads nowhere, or a folder has no such file.
    """
    found: dict[Path, Path] = {}
    for path in paths:
        for file in _files_behind(path):
            found.setdefault(file.resolve(), file)
    newest = _without_earlier_runs(list(found.values()))
    return CurFiles(tuple(newest), len(found) - len(newest))


def read_bill(files: CurFiles, bill: Bill) -> list[str]:
    """Add the lines of all files to a bill.

    Returns:
        The columns that the export lacks, and the effects.

    Raises:
        BillError: The lines cannot be compared.
        TooManyUsesError: There are too many different lines.
        UnreadableBillError: A file cannot be read, or lacks a column.
    """
    missing = set[str]()
    with (
        TemporaryDirectory() as folder,
        duckdb.connect(Path(folder, "bill.duckdb"), config=_SETTINGS) as database,
    ):
        _restrict_access(database, files.paths, folder)
        for path in files.paths:
            # DuckDB takes some letters of a path for a pattern.
            link = Path(folder, f"bill{_suffix(path)}")
            with _explained_errors(path, link):
                link.symlink_to(path.resolve())
                missing |= _read_file(database, path, link, bill)
            link.unlink()
    return [text for column, text in _SWITCHES.items() if column in missing]


def _files_behind(path: Path) -> list[Path]:
    if path.is_file():
        if not _suffix(path):
            message = f"{path}: name a file that ends in {_ALLOWED}."
            raise UnreadableBillError(message)
        return [path]
    if not path.is_dir():
        message = f"{path}: {os.strerror(errno.ENOENT)}."
        raise UnreadableBillError(message)
    files = [
        Path(parent, name)
        for parent, folders, names in os.walk(path)
        for name in sorted(names)
        if _suffix(Path(name)) and not name.startswith(".")
    ]
    if not files:
        message = f"{path}: no bill in this folder. Looked for *{', *'.join(_SUFFIXES)}."
        raise UnreadableBillError(message)
    return sorted(files)


def _without_earlier_runs(files: Sequence[Path]) -> list[Path]:
    """Of a month that is exported anew, not over the last one, the files of the last run alone."""
    runs: defaultdict[Path, set[str]] = defaultdict(set)
    for file in files:
        month = file.parent.parent
        if _PARTITION.fullmatch(month.name):
            runs[month].add(file.parent.name)
    return [
        file
        for file in files
        if file.parent.parent not in runs or file.parent.name == max(runs[file.parent.parent])
    ]


@contextmanager
def _explained_errors(path: Path, link: Path) -> Iterator[None]:
    try:
        yield
    except duckdb.Error as error:
        # What follows the first line may quote a line of the bill.
        reason = str(error).partition("\n")[0].replace(str(link), path.name)
        message = f"{path}: {reason}"
        raise UnreadableBillError(message) from None
    except (EOFError, zlib.error, gzip.BadGzipFile):
        message = f"{path}: the gzip data is damaged or cut off. Fetch the file again."
        raise UnreadableBillError(message) from None
    except OSError as error:
        message = f"{path}: {error.strerror or error}."
        raise UnreadableBillError(message) from None


def _restrict_access(
    database: duckdb.DuckDBPyConnection, paths: Sequence[Path], folder: str
) -> None:
    """Let DuckDB read the bill, write to its own folder, and use no network."""
    allowed = ", ".join(_quoted(path.resolve()) for path in paths)
    for statement in (
        "SET TimeZone = 'UTC'",
        f"SET allowed_paths = [{allowed}]",
        f"SET allowed_directories = [{_quoted(folder)}]",
        "SET enable_external_access = false",
    ):
        database.execute(statement)


def _suffix(path: Path) -> str:
    """The suffix that says the format; empty for a format that bills do not have."""
    name = path.name.lower()
    return next((suffix for suffix in _SUFFIXES if name.endswith(suffix)), "")


def _read_file(database: duckdb.DuckDBPyConnection, path: Path, link: Path, bill: Bill) -> set[str]:
    """Add the lines of a file behind a link; gives the columns that it lacks and could have."""
    source = _source(path, link)
    names = {row[0] for row in database.execute(f"DESCRIBE FROM {source}").fetchall()}
    _check_columns(path, names)
    is_bedrock = _bedrock_condition(names)
    fields = ", ".join(_field(column, names) for column in COLUMNS.values())
    keys = ", ".join(_field(f"{_PRODUCT}_{key}", names) for key in _PRODUCT_KEYS)
    product = _PRODUCT if _PRODUCT in names else "NULL"
    query = f"SELECT {fields}, {keys}, {product} FROM {source} WHERE {is_bedrock}"  # noqa: S608
    rows = database.execute(query)
    while batch := rows.fetchmany(_ROWS_AT_A_TIME):
        for row in batch:
            bill.add(_bill_row(row))
    _add_other_services(database, source, names, bill)
    return set(_SWITCHES) - names


def _check_columns(path: Path, names: set[str]) -> None:
    if any("/" in name for name in names):
        message = f"{path}: this is a legacy Cost and Usage Report. Make a CUR 2.0 data export."
        raise UnreadableBillError(message)
    lacking = [column for column in REQUIRED if column not in names]
    if _PRODUCT not in names and f"{_PRODUCT}_model" not in names:
        lacking.append(_PRODUCT)
    if lacking:
        message = (
            f"{path} lacks {', '.join(lacking)}. Make a CUR 2.0 export that selects these columns,"
            " with INCLUDE_IAM_PRINCIPAL_DATA and INCLUDE_RESOURCES switched on."
        )
        raise UnreadableBillError(message)


def _field(column: str, names: set[str]) -> str:
    """The expression of a column as bounded text; empty text for an absent column."""
    if column not in names:
        return "''"
    return f"coalesce(left(CAST({column} AS VARCHAR), {_MAX_TEXT_LENGTH}), '')"


def _bedrock_condition(names: set[str]) -> str:
    """The lines that `Bill` takes for those of Amazon Bedrock, and possibly more."""
    conditions = [
        f"{_field(COLUMNS['family'], names)} = '{BEDROCK_FAMILY}'",
        f"starts_with({_field(COLUMNS['product_code'], names)}, '{BEDROCK_CODES}')",
        f"starts_with({_field(COLUMNS['servicecode'], names)}, '{BEDROCK_CODES}')",
        *(
            f"contains(coalesce(CAST({column} AS VARCHAR), ''), '{BEDROCK_EDITION}')"
            for column in (_PRODUCT, *(f"{_PRODUCT}_{key}" for key in _PRODUCT_KEYS))
            if column in names
        ),
    ]
    return f"({' OR '.join(conditions)})"


def _add_other_services(
    database: duckdb.DuckDBPyConnection, source: str, names: set[str], bill: Bill
) -> None:
    """Add up the lines of other services, by service; list cost as `Bill` takes it."""
    cost = _usd("unblended_cost", names)
    net = f"coalesce({_usd('net_unblended_cost', names)}, {cost}, 0)"
    usage_types = ", ".join(f"'{name}'" for name in sorted(USAGE_LINES))
    is_usage = f"{_field(COLUMNS['line_item_type'], names)} IN ({usage_types})"
    listed = f"coalesce(nullif({_usd('public_cost', names)}, 0), {cost}, 0)"
    query = (
        f"SELECT {_field(COLUMNS['product_code'], names)}, count(*),"  # noqa: S608
        f" CAST(coalesce(sum({listed}) FILTER (WHERE {is_usage}), 0) AS VARCHAR),"
        f" CAST(sum({net}) AS VARCHAR)"
        f" FROM {source} WHERE NOT {_bedrock_condition(names)} GROUP BY 1"
    )
    rows = database.execute(query)
    while batch := rows.fetchmany(_ROWS_AT_A_TIME):
        for product_code, lines, list_usd, effective_usd in batch:
            amounts = Amounts(list_usd=Decimal(list_usd), effective_usd=Decimal(effective_usd))
            bill.add_other_service(product_code, amounts, lines)


def _usd(field: str, names: set[str]) -> str:
    """The expression of a field of `BillRow` in dollars; null where there is no number."""
    column = COLUMNS[field]
    return f"TRY_CAST({column} AS DECIMAL(38, 12))" if column in names else "NULL"


def _bill_row(values: Sequence[Any]) -> BillRow:
    """The line of a row: the columns, then the columns of keys of products, then the map."""
    columns, keys, product = values[: len(COLUMNS)], values[len(COLUMNS) : -1], values[-1]
    mapped = _read_json(product) if isinstance(product, str) else product
    own = dict(zip(_PRODUCT_KEYS, keys, strict=True))
    texts = {key: own[key] or _text_in(mapped, key) for key in _PRODUCT_KEYS}
    service_name = texts["servicename"] or texts["product_name"]
    row = BillRow._make((*columns, texts["model"], service_name, texts["feature"]))
    missing = {key: texts[key] for key in _FALLBACKS if texts[key] and not getattr(row, key)}
    return row._replace(**missing) if missing else row


@lru_cache(4096)
def _read_json(text: str) -> object:
    """The column `product` of a CSV file; `None` where it is no JSON."""
    try:
        return json.loads(text) if len(text) <= _MAX_MAP_LENGTH else None
    except (ValueError, RecursionError):
        return None


def _text_in(mapped: object, key: str) -> str:
    value = mapped.get(key) if isinstance(mapped, dict) else None
    return value[:_MAX_TEXT_LENGTH] if isinstance(value, str) else ""


def _source(path: Path, link: Path) -> str:
    """The table function of DuckDB that reads a file, with every column of a CSV file as text."""
    if link.name.endswith(_PARQUET):
        return f"read_parquet({_quoted(link)}, hive_partitioning = false)"
    _check_is_whole(path)
    columns = ", ".join(f"{_quoted(name)}: 'VARCHAR'" for name in _header(path))
    return (
        f"read_csv({_quoted(link)}, columns = {{{columns}}}, auto_detect = false,"
        " header = true, hive_partitioning = false,"
        " parallel = false, delim = ',', quote = '\"', escape = '\"', nullstr = '',"
        " max_line_size = 1048576)"
    )


def _open_csv(path: Path) -> BinaryIO:
    """The text of a CSV file."""
    if path.name.lower().endswith(".gz"):
        return cast("BinaryIO", gzip.open(path))
    return path.open("rb")


def _check_is_whole(path: Path) -> None:
    """Refuse a file that ends within quotes: DuckDB leaves such a last line out."""
    quotes = 0
    with _open_csv(path) as file:
        while piece := file.read(_PIECE_BYTES):
            quotes += piece.count(b'"')
    if quotes % 2:
        message = f"{path}: the last line is cut off. Fetch the file again."
        raise UnreadableBillError(message)


def _header(path: Path) -> list[str]:
    """The names of the columns of a CSV file."""
    with _open_csv(path) as file:
        first = file.readline(_MAX_HEADER_BYTES)
    try:
        names = next(csv.reader([first.decode("utf-8-sig")]), [])
    except (UnicodeDecodeError, csv.Error):
        names = []
    if not names or len(set(names)) < len(names):
        message = f"{path}: this is no CSV file with a header."
        raise UnreadableBillError(message)
    return names


def _quoted(path: Path | str) -> str:
    return "'" + str(path).replace("'", "''") + "'"
