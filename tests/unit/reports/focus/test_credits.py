"""Credits as rows of FOCUS: they conform to its rules, and add up to the books."""

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import duckdb
from hypothesis import given
from hypothesis import strategies as st

from lambdas.adapters.duckdb_parquet import convert_to_parquet
from lambdas.adapters.report_layouts.focus_csv import write_csv
from lambdas.adapters.report_layouts.focus_files import write_credit_manifest, write_rows
from lambdas.domain.budgets import BudgetScope, to_usd
from lambdas.domain.credits import (
    GRANTED,
    Account,
    AccountKind,
    CreditEntry,
    EntryKind,
    Posting,
    scope_key,
)
from lambdas.domain.reports.focus import (
    CREDIT_COLUMNS,
    EXACTLY,
    CreditCharges,
    CreditIssuer,
    CreditSums,
)
from tests.focus_rules import TextRow, read_rows, violations

NOW = datetime(2026, 11, 30, 12, 20, tzinfo=UTC)
ISSUER = CreditIssuer("111122223333", "us-east-1")
CHAT = BudgetScope(project=("chat",))
GRANTS = {
    "may": CHAT,
    "june": BudgetScope(project=("*",)),
    "odd": BudgetScope(department=("=cmd", "b")),
    "all": BudgetScope(),
}
CHAT_KEY = scope_key(CHAT)
amounts = st.integers(1, 10**18)
times = st.integers(0, 90 * 24).map(lambda hours: NOW + timedelta(hours=hours))
EXPIRED, VOIDED = Account(AccountKind.EXPIRED), Account(AccountKind.VOIDED)


def grant_account(name: str) -> Account:
    return Account(AccountKind.GRANT, name)


def make_entry(
    kind: EntryKind,
    changes: Sequence[tuple[Account, int]],
    at: datetime = NOW,
    hour: datetime | None = None,
) -> CreditEntry:
    postings = tuple(Posting(*change) for change in changes if change[1])
    return CreditEntry(id="e", kind=kind, booked_at=at, hour=hour, postings=postings)


def make_grant(amount: int, name: str = "may", at: datetime = NOW) -> CreditEntry:
    return make_entry(EntryKind.GRANT, [(GRANTED, -amount), (grant_account(name), amount)], at)


def make_end(kind: EntryKind, amount: int, name: str = "may", at: datetime = NOW) -> CreditEntry:
    to = EXPIRED if kind is EntryKind.EXPIRY else VOIDED
    return make_entry(kind, [(grant_account(name), -amount), (to, amount)], at)


def make_usage(
    paid: int, beyond: int, scope: str = CHAT_KEY, at: datetime = NOW, late_hours: int = 1
) -> CreditEntry:
    hour = at.replace(minute=0) - timedelta(hours=late_hours)
    changes = [
        (grant_account("may"), -paid),
        (Account(AccountKind.OVERAGE, scope), -beyond),
        (Account(AccountKind.USAGE, scope), paid + beyond),
    ]
    return make_entry(EntryKind.USAGE, changes, at, hour)


names, scopes = (
    st.sampled_from([*GRANTS]),
    st.sampled_from([scope_key(scope) for scope in GRANTS.values()]),
)
ends = st.sampled_from([EntryKind.EXPIRY, EntryKind.VOID])
changes = st.integers(-(10**15), 10**15)
entries = st.lists(
    st.builds(make_grant, amounts, names, times)
    | st.builds(make_end, ends, amounts, names, times)
    | st.builds(make_usage, changes, changes, scopes, times, st.integers(1, 2000)),
    max_size=12,
)


def write(charges: CreditCharges) -> list[TextRow]:
    out = io.StringIO(newline="")
    write_csv(charges.write_rows(ISSUER, GRANTS.get), out, CREDIT_COLUMNS)
    return read_rows(io.StringIO(out.getvalue(), newline=""))


def add_up(rows: Sequence[Mapping[str, str | None]], column: str) -> Decimal:
    total = Decimal(0)
    for row in rows:
        total = EXACTLY.add(total, Decimal(row[column] or "NaN"))
    return total


def balances(booked: Sequence[CreditEntry], kind: AccountKind) -> int:
    postings = (posting for entry in booked for posting in entry.postings)
    return sum(each.picodollars for each in postings if each.account.kind is kind)


@given(entries)
def test_rows_conform_to_the_rules_and_add_up_to_the_books(booked: list[CreditEntry]) -> None:
    charges = CreditCharges.from_entries(booked)
    rows = write(charges)
    assert not list(violations(rows))
    sums = charges.add_up()
    assert sums.rows == len(rows)
    assert add_up(rows, "BilledCost") == sums.billed_usd
    assert add_up(rows, "EffectiveCost") == sums.effective_usd
    rest = balances(booked, AccountKind.GRANT)
    assert add_up(rows, "BilledCost") - add_up(rows, "EffectiveCost") == to_usd(rest)
    used = [row for row in rows if row["ChargeCategory"] == "Usage"]
    assert add_up(used, "EffectiveCost") == to_usd(balances(booked, AccountKind.USAGE))
    overage = [row for row in rows if row["x_CreditKind"] == "overage"]
    assert add_up(overage, "BilledCost") == to_usd(-balances(booked, AccountKind.OVERAGE))
    for row in rows:
        assert (row["ChargePeriodStart"] or "") < (row["ChargePeriodEnd"] or "")
        is_late = (row["ChargePeriodStart"] or "") < (row["BillingPeriodStart"] or "")
        assert (row["ChargeClass"] == "Correction") == is_late
        own = [column for column in CREDIT_COLUMNS if column.is_custom]
        assert all(row[column.name] or column.is_nullable for column in own)
        assert not any((row[column.name] or "").startswith("=") for column in own)


@given(entries, st.integers(0, 12))
def test_split_periods_add_up_to_the_whole(booked: list[CreditEntry], place: int) -> None:
    parts = [CreditCharges.from_entries(part) for part in (booked[:place], booked[place:])]
    whole = CreditCharges.from_entries(booked).add_up()
    added = [sum(pair) for pair in zip(*(part.add_up()[1:] for part in parts), strict=True)]
    assert added == list(whole[1:])


def test_a_grant_is_a_purchase_and_usage_draws_it_down() -> None:
    booked = [make_grant(5 * 10**12), make_usage(2 * 10**12 + 1, 3), make_end(EntryKind.EXPIRY, 7)]
    rows = {row["x_CreditKind"]: row for row in write(CreditCharges.from_entries(booked))}
    grant, usage, overage, expiry = (rows[kind] for kind in ("grant", "usage", "overage", "expiry"))
    assert (grant["ChargeCategory"], grant["BilledCost"], grant["EffectiveCost"]) == (
        *("Purchase", "5"),
        "0",
    )
    assert (grant["x_CreditGrant"], grant["x_CreditScope"]) == ("may", CHAT_KEY)
    assert (usage["BilledCost"], usage["EffectiveCost"]) == ("0", "2.000000000001")
    assert usage["ChargePeriodStart"] == "2026-11-30T11:00:00Z"
    assert overage["BilledCost"] == overage["EffectiveCost"] == "0.000000000003"
    assert (expiry["BilledCost"], expiry["EffectiveCost"]) == ("0", "0.000000000007")
    assert json.loads(usage["Tags"] or "") == {"project": "chat"}
    assert {row["ProviderName"] for row in rows.values()} == {"Bedrock Meter"}


def test_voided_credits_take_their_purchase_back() -> None:
    booked = [make_grant(5), make_end(EntryKind.VOID, 5)]
    rows = write(CreditCharges.from_entries(booked))
    assert add_up(rows, "BilledCost") == add_up(rows, "EffectiveCost") == 0
    assert [row["ChargeCategory"] for row in rows] == ["Purchase", "Adjustment"]


def test_a_correction_that_a_closed_grant_gets_back_names_no_grant() -> None:
    usage = Account(AccountKind.USAGE, CHAT_KEY)
    booked = [make_entry(EntryKind.USAGE, [(usage, -9), (EXPIRED, 9)], NOW, NOW)]
    rows = write(CreditCharges.from_entries(booked))
    assert not list(violations(rows))
    assert [row["x_CreditGrant"] for row in rows] == [None, None]
    assert add_up(rows, "EffectiveCost") == 0


def test_all_files_have_the_same_amounts(tmp_path: Path) -> None:
    booked = [make_grant(10**14), make_usage(123_456_789, 1), make_end(EntryKind.VOID, 77)]
    charges = CreditCharges.from_entries(booked)
    files = [tmp_path / "credits.csv", tmp_path / "credits.parquet"]
    to_parquet = partial(convert_to_parquet, columns=CREDIT_COLUMNS)
    rows = charges.write_rows(ISSUER, GRANTS.get)
    write_rows(rows, files, to_parquet, CREDIT_COLUMNS)
    manifest = tmp_path / "manifest.json"
    write_credit_manifest(manifest, charges.add_up(), files, {"account_id": "1"})
    written = json.loads(manifest.read_text())
    with duckdb.connect() as database:
        found = database.execute(
            "SELECT count(*), sum(BilledCost), sum(EffectiveCost) FROM read_parquet(?)",
            [str(files[1])],
        ).fetchone()
    billed, effective = (Decimal(written[f"{name}_cost_usd"]) for name in ("billed", "effective"))
    assert found == (written["rows"], billed, effective)
    assert billed == to_usd(10**14 + 1 - 77)
    assert [file["name"] for file in written["files"]] == ["credits.csv", "credits.parquet"]
    columns = written["focus_metadata"]["ColumnDefinition"]
    assert [column["ColumnName"] for column in columns] == [each.name for each in CREDIT_COLUMNS]


def test_the_sums_of_no_entries_are_zero() -> None:
    assert CreditCharges.from_entries(iter_nothing()).add_up() == CreditSums()


def iter_nothing() -> Iterator[CreditEntry]:
    yield from ()
