"""Parquet has the exact values of the CSV, and no network is used."""

import gzip
import io
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings

from lambdas.adapters import duckdb_parquet
from lambdas.adapters.duckdb_parquet import ParquetError, convert_to_parquet
from lambdas.adapters.report_layouts.focus_csv import write_csv
from lambdas.domain.attribution import Attribution
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.reports.focus import COLUMNS, DataType
from tests.examples import percent_of_examples
from tests.focus_calls import attributed_calls, build_charges, to_csv
from tests.focus_rules import read_rows

COLUMN_TYPES = {column.name: column.data_type for column in COLUMNS}


def read_parquet(file: Path) -> list[dict[str, Any]]:
    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        found = database.execute("SELECT * FROM read_parquet(?)", [str(file)])
        names = [name for name, *_ in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def as_read_from_text(name: str, text: str | None) -> Any:
    if text is None or COLUMN_TYPES[name] in {DataType.STRING, DataType.JSON}:
        return text
    if COLUMN_TYPES[name] is DataType.DECIMAL:
        return Decimal(text)
    return datetime.fromisoformat(text)


@settings(max_examples=percent_of_examples(30))
@given(attributed_calls)
def test_parquet_has_the_same_values_as_the_csv(
    attributed: list[tuple[UsageRecord, Attribution]],
) -> None:
    text = to_csv(build_charges(attributed))
    expected = [
        {name: as_read_from_text(name, value) for name, value in row.items()}
        for row in read_rows(io.StringIO(text, newline=""))
    ]
    with TemporaryDirectory() as folder:
        csv, parquet = Path(folder, "it's.csv.gz"), Path(folder, "it's.parquet")
        csv.write_bytes(gzip.compress(text.encode()))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(duckdb_parquet, "_ROWS_AT_A_TIME", 2)
            assert convert_to_parquet(csv, parquet) == len(expected)
        assert read_parquet(parquet) == expected


def test_column_types_lose_no_precision(tmp_path: Path) -> None:
    csv, parquet = tmp_path / "a.csv", tmp_path / "a.parquet"
    with csv.open("w", newline="") as text:
        write_csv([], text)
    assert convert_to_parquet(csv, parquet) == 0
    with duckdb.connect() as database:
        file = database.read_parquet(str(parquet))
        types = {
            name: str(column_type)
            for name, column_type in zip(file.columns, file.types, strict=True)
        }
        facts = database.execute("FROM parquet_kv_metadata(?)", [str(parquet)]).fetchall()
    assert [fact[1:] for fact in facts] == [(b"FocusVersion", b"1.2")]
    assert types["BilledCost"] == "DECIMAL(38,26)"
    assert types["ListUnitPrice"] == "DECIMAL(38,20)"
    assert types["PricingQuantity"] == "DECIMAL(38,6)"
    assert types["ChargePeriodStart"] == "TIMESTAMP WITH TIME ZONE"
    assert types["Tags"] == types["CommitmentDiscountId"] == "VARCHAR"


HEADER = ",".join(COLUMN_TYPES) + "\r\n"


@pytest.mark.parametrize(
    "content",
    [
        "no,such,columns\r\n1,2,3\r\n",
        HEADER + "1,2\r\n",
        HEADER + "much" + "," * (len(COLUMN_TYPES) - 1) + "\r\n",
        HEADER + "1" + "," * (len(COLUMN_TYPES) - 2) + ',"cut off',
    ],
)
def test_a_malformed_file_is_an_error(tmp_path: Path, content: str) -> None:
    csv = tmp_path / "a.csv"
    csv.write_text(content, newline="")
    with pytest.raises(ParquetError) as raised:
        convert_to_parquet(csv, tmp_path / "a.parquet")
    assert "much" not in str(raised.value)  # nothing of the rows
    assert list(tmp_path.iterdir()) == [csv]


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        convert_to_parquet(tmp_path / "a.csv", tmp_path / "a.parquet")
