"""`bedrock-meter budgets` applies a file without a deployment, and explains what it changes."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from cdk.config import stack_names
from dashboards.command_line.entry_point import FailedCommand
from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.calibration_store import DynamoDbCalibrationStore
from lambdas.adapters.dynamodb.usage_counters import DynamoDbUsageCounters
from lambdas.domain.budgets import AccumulatorKey, BudgetBook, UsageGap
from lambdas.domain.budgets.governance_table import CALIBRATED, FORECAST_ERRORS
from lambdas.domain.counters import Chunk, PriceEdition, Sums, UsageTotals, begin_counting
from lambdas.domain.forecasting import OwnErrors, read_shipped_ratios
from tests.adapters.dynamodb.test_usage_counters import COUNTERS, create_table
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import ANA, BEN
from tests.command_line import call_command, run_command
from tests.operations.deployed import deploy

CHAT = {
    "name": "chat",
    "scope": {"project": "chat"},
    "amount": {"usd": 500},
    "period": {"every": "month", "time_zone": "Europe/Berlin"},
}
INDIA = {
    "name": "india",
    "scope": {},
    "per": "identity",
    "amount": {"total_tokens": 1000000},
    "period": {"every": "day", "time_zone": "Asia/Kolkata"},
}
GATEWAY_CALLERS = "arn:aws:iam::111122223333:role/BedrockMeter-GatewayCaller-us-east-1"
WriteFile = Callable[..., Path]


@pytest.fixture
def write_file(tmp_path: Path) -> WriteFile:
    """Return a function that writes budgets of a manager to a file."""

    def write(*budgets: Any, managed_by: str = "platform") -> Path:
        path = tmp_path / f"{managed_by}.json"
        content = {"managed_by": managed_by, "budgets": budgets}
        path.write_text(json.dumps(content), encoding="utf-8")
        return path

    return write


@pytest.fixture
def deployed(aws: None) -> None:
    """Deploy the meter with governance."""
    create_governance_table()
    create_table()
    deploy(stack_names.STORAGE, GovernanceTableName=GOVERNANCE, CounterTableName=COUNTERS)
    deploy(stack_names.GOVERNANCE, UsageCounterName="counter")


def read_book() -> BudgetBook:
    return DynamoDbBudgetStore(boto3.client("dynamodb"), GOVERNANCE).read()


def read_failure(*arguments: Path | str) -> tuple[str, ...]:
    """Run a command that fails; returns its message and the lines of details."""
    with pytest.raises(FailedCommand) as failure:
        call_command(*arguments)
    return failure.value.message, *failure.value._details  # noqa: SLF001  # what it prints


@pytest.mark.usefixtures("deployed")
def test_new_budgets_are_stored_and_building(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("budgets", "apply", write_file(CHAT, INDIA))
    assert capsys.readouterr().out.splitlines()[:5] == [
        "+ chat: $500.00 for project chat, a month, Europe/Berlin",
        "+ india: 1,000,000 tokens for each identity of the account, a day, Asia/Kolkata",
        "2 new, 0 changed, 0 deleted, 0 unchanged.",
        "Applied, revision 1.",
        "Building: chat, india. They send alerts once their sums are complete.",
    ]
    assert [stored.is_active for stored in read_book()] == [False, False]


@pytest.mark.usefixtures("deployed")
def test_a_dry_run_prints_differences_and_changes_nothing(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("budgets", "apply", write_file(CHAT))
    before = read_book()
    capsys.readouterr()
    raised = CHAT | {"amount": {"usd": 750.5}, "alerts": {"actual": [90]}}
    call_command("budgets", "apply", write_file(raised), "--dry-run")
    assert capsys.readouterr().out.splitlines() == [
        "~ chat",
        "    alerts.actual: 50, 80, 100 -> 90",
        "    amount.usd: 500 -> 750.5",
        "0 new, 1 changed, 0 deleted, 0 unchanged.",
        "This was a dry run: nothing is changed.",
    ]
    assert read_book() == before


@pytest.mark.usefixtures("deployed")
def test_another_amount_is_in_force_at_once_and_a_rebuild_is_asked_for_by_name(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("budgets", "apply", write_file(CHAT))
    DynamoDbBudgetStore(boto3.client("dynamodb"), GOVERNANCE).mark_active("chat", 1)
    capsys.readouterr()
    call_command("budgets", "apply", write_file(CHAT | {"amount": {"usd": 750}}))
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "Applied, revision 2.",
        (
            "Changed: chat. Sums go on. In the current period, a threshold that has alerted alerts"
            " again only if a raise puts it above all thresholds that have."
        ),
    ]
    amended = read_book().budgets["chat"]
    assert (amended.generation, amended.is_active) == (1, True)
    call_command("budgets", "rebuild", "chat", "chat")
    assert "Building: chat." in capsys.readouterr().out
    rebuilt = read_book().budgets["chat"]
    assert rebuilt.budget == amended.budget
    assert (rebuilt.generation, rebuilt.is_active) == (3, False)
    (message,) = read_failure("budgets", "rebuild", "chat", "missing")
    assert message == "budgets rebuild: there is no budget of this name: missing."
    assert read_book().revision == 3


@pytest.mark.usefixtures("deployed")
def test_the_same_file_changes_nothing_the_second_time(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("budgets", "apply", write_file(CHAT))
    call_command("budgets", "apply", write_file(CHAT))
    assert capsys.readouterr().out.endswith("1 unchanged.\nNothing to change.\n")
    assert read_book().revision == 1


@pytest.mark.usefixtures("deployed")
def test_a_budget_is_deleted_only_by_its_name(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("budgets", "apply", write_file(CHAT, INDIA))
    capsys.readouterr()
    call_command("budgets", "apply", write_file(CHAT))
    printed = capsys.readouterr().out
    assert "india is not in the file and stays; to delete it: --delete india" in printed
    assert set(read_book().budgets) == {"chat", "india"}
    call_command("budgets", "apply", write_file(CHAT), "--delete", "india")
    assert set(read_book().budgets) == {"chat"}


@pytest.mark.usefixtures("deployed")
def test_budgets_of_two_managers_live_side_by_side(write_file: WriteFile) -> None:
    call_command("budgets", "apply", write_file(CHAT))
    call_command("budgets", "apply", write_file(INDIA, managed_by="finance"))
    assert set(read_book().budgets) == {"chat", "india"}
    message, *problems = read_failure(
        "budgets", "apply", write_file(CHAT, managed_by="finance"), "--delete", "chat"
    )
    assert message == "budgets apply: the budgets cannot be applied; nothing is changed:"
    assert problems[0].startswith("  chat is managed by platform, not by finance")
    assert set(read_book().budgets) == {"chat", "india"}


@pytest.mark.usefixtures("deployed")
def test_stored_budgets_are_listed(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("budgets", "list")
    assert capsys.readouterr().out == "There are no budgets.\n"
    call_command("budgets", "apply", write_file(CHAT, INDIA))
    capsys.readouterr()
    call_command("budgets", "list")
    printed = capsys.readouterr().out
    assert "building" in printed
    assert "each identity of the account" in printed


@pytest.mark.usefixtures("deployed")
def test_the_list_says_which_errors_forecasts_use(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    def list_budgets() -> str:
        capsys.readouterr()
        call_command("budgets", "list")
        return capsys.readouterr().out.splitlines()[-1]

    dynamodb = boto3.client("dynamodb")
    call_command("budgets", "apply", write_file(CHAT))
    assert list_budgets() == "Forecasts use errors of forecasts of public data."
    own = OwnErrors(datetime(2026, 3, 9, 2, 40, tzinfo=UTC), ratios=5000, sources=7, days=23)
    calibrated = replace(read_shipped_ratios(), own=own)
    DynamoDbCalibrationStore(dynamodb, GOVERNANCE).write(calibrated)
    assert list_budgets() == (
        "Forecasts use errors of forecasts of your own usage in the 23 days up to 2026-03-09,"
        " and of public data."
    )
    damaged = {"pk": FORECAST_ERRORS, "sk": CALIBRATED, "errors": "{}"}
    dynamodb.put_item(
        TableName=GOVERNANCE, Item={name: {"S": value} for name, value in damaged.items()}
    )
    assert list_budgets().startswith(
        "Forecasts use errors of forecasts of public data: your own cannot be read"
    )


@pytest.mark.usefixtures("deployed")
def test_the_brake_and_the_gateway_of_each_budget_are_listed(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "250")
    limited = CHAT | {"gateway": "enforce"}
    call_command("budgets", "apply", write_file(limited, INDIA | {"brake": "shadow"}))
    capsys.readouterr()
    call_command("budgets", "list")
    printed = " ".join(capsys.readouterr().out.split())
    assert "building, brake shadow" in printed
    assert "building, gateway enforce" in printed
    call_command("budgets", "validate", write_file(limited))
    assert "notify │ enforce │" in " ".join(capsys.readouterr().out.split())


@pytest.mark.usefixtures("deployed")
def test_a_gateway_that_is_not_deployed_is_named_in_a_warning(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    account = CHAT | {"name": "account", "scope": {}, "gateway": "enforce"}
    path = write_file(account, INDIA)
    warning = (
        "Warning: account: the gateway is not deployed in this Region, so no call is refused or"
        " reported. Set gateway to true in cdk.json, then run make bootstrap and make deploy."
    )
    for arguments in (["apply", path], ["list"]):
        call_command("budgets", *arguments)
        assert _list_warnings(capsys) == [warning]
    deploy(stack_names.GATEWAY, GatewayUrl="https://gateway.example")
    for arguments in (["apply", path], ["list"]):
        call_command("budgets", *arguments)
        assert _list_warnings(capsys) == []


def _list_warnings(capsys: pytest.CaptureFixture[str]) -> list[str]:
    lines = capsys.readouterr().out.splitlines()
    return [line for line in lines if line.startswith(("Warning: ", "Note: "))]


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        (
            {"scope": {"department": "sales", "use_case": "support"}},
            (
                "Warning: limited: the gateway does not know the department and use case of a call"
                " before it is made. Each call through it that meets the other conditions counts"
                " for this budget. Name projects or callers in place of scope.department and"
                " scope.use_case."
            ),
        ),
        ({"scope": {"project": "chat"}}, "A call without a known project is counted for this bud"),
        ({"per": "project"}, "A call without a known project is refused (docs/gateway.md#budgets)"),
        ({"per": "project", "gateway": "shadow"}, "known project is not counted for any (docs"),
        (
            {"scope": {"identity": "arn:aws:iam::111122223333:user/ben"}},
            "Warning: limited: the scope names no caller of the gateway, so the gateway limits no",
        ),
        (
            {"scope": {"principal": GATEWAY_CALLERS}, "gateway": None, "brake": "deny"},
            (
                f"Warning: limited cannot deny {GATEWAY_CALLERS}: it is a caller of the gateway,"
                " whose role the brake never denies. The gateway refuses its calls if the budget"
                ' has "gateway": "enforce".'
            ),
        ),
    ],
)
def test_what_the_gateway_does_otherwise_than_it_seems_is_said(
    write_file: WriteFile,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
    warning: str,
) -> None:
    made = CHAT | {"name": "limited", "scope": {}, "gateway": "enforce"} | changes
    call_command("budgets", "validate", write_file(made))
    (found,) = _list_warnings(capsys)
    assert warning in found


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"scope": {"model": "anthropic.*", "region": "us-*"}},
        {"scope": {"identity": "*/ana@example.com"}},
        {"scope": {"principal": GATEWAY_CALLERS}},
        {"scope": {"principal": GATEWAY_CALLERS}, "brake": "deny"},
        {"scope": {"department": "sales"}, "gateway": None},
        {"per": "identity"},
    ],
)
def test_a_budget_whose_labels_the_gateway_knows_has_no_warning(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str], changes: dict[str, Any]
) -> None:
    made = CHAT | {"name": "limited", "scope": {}, "gateway": "enforce"} | changes
    call_command("budgets", "validate", write_file(made))
    assert _list_warnings(capsys) == []


def test_a_brake_that_would_stop_other_work_is_refused_with_what_to_do(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("budgets", "validate", write_file(INDIA | {"brake": "deny"}))
    assert "deny" in capsys.readouterr().out
    _, problem = read_failure("budgets", "validate", write_file(CHAT | {"brake": "deny"}))
    assert "a deny stops all Bedrock use of a caller, not only that of scope.project" in problem
    assert "leave out scope.project, and limit callers: per identity or principal" in problem


def test_a_brake_of_callers_with_another_condition_is_to_leave_the_condition_out(
    write_file: WriteFile,
) -> None:
    scope = {"model": "amazon.*", "project": "chat"}
    limited = INDIA | {"brake": "deny", "scope": scope}
    _, problem = read_failure("budgets", "validate", write_file(limited))
    assert problem.endswith("use notify, or leave out scope.project and scope.model")


def test_callers_that_no_deployment_denies_are_named_in_a_warning(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    account = "arn:aws:iam::111122223333"
    never = [f"{account}:role/AWSReservedSSO_Dev_*", f"{account}:root"]
    possible = [f"{account}:role/chat", f"{account}:role/agents-*", "*"]
    limited = INDIA | {"brake": "deny", "scope": {"principal": [*never, *possible]}}
    call_command("budgets", "validate", write_file(limited))
    printed = capsys.readouterr().out
    warnings = [line for line in printed.splitlines() if line.startswith("Warning: ")]
    assert warnings == [
        (
            f"Warning: india cannot deny {never[0]}: IAM protects roles of IAM Identity Center. Use"
            " a service control policy, or change the permission set in Identity Center."
        ),
        (
            f"Warning: india cannot deny {never[1]}: IAM policies do not hold for the root user."
            " Stop using the root user for Bedrock."
        ),
    ]
    call_command("budgets", "validate", write_file(limited | {"brake": "notify"}))
    assert "Warning" not in capsys.readouterr().out


def test_a_region_that_does_not_exist_is_refused_with_a_suggestion(write_file: WriteFile) -> None:
    regions = ["us-est-1", "eu-*", "eu-central-1"]
    message, problem = read_failure(
        "budgets", "validate", write_file(CHAT | {"scope": {"region": regions}})
    )
    assert message.endswith("platform.json: 1 problem:")
    assert problem.startswith(
        "  budget chat: scope.region = 'us-est-1': not an AWS Region; did you mean us-"
    )


def test_a_grant_for_a_region_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    grant = {"id": "june", "usd": 1, "effective_from": "2026-06-01T00:00:00Z"}
    path = tmp_path / "grants.json"
    for scope in ({"region": "eu-*"}, {"region": "xx"}):
        content = {"managed_by": "platform", "budgets": [], "grants": [grant | {"scope": scope}]}
        path.write_text(json.dumps(content))
        if scope["region"] == "eu-*":
            call_command("budgets", "validate", path)
    _, problem = read_failure("budgets", "validate", path)
    assert problem.startswith("  grant june: scope.region = 'xx': not an AWS Region")


@pytest.mark.usefixtures("deployed")
def test_a_brake_that_is_not_deployed_is_named_in_a_warning(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_file(CHAT, INDIA | {"brake": "deny"})
    warning = "Warning: india: the brake is not deployed in this Region, so no caller is denied"
    for arguments in (["apply", path], ["list"]):
        call_command("budgets", *arguments)
        assert warning in capsys.readouterr().out
    boto3.client("cloudformation").delete_stack(StackName=stack_names.GOVERNANCE)
    deploy(stack_names.GOVERNANCE, BrakeControllerName="controller")
    for arguments in (["apply", path], ["list"]):
        call_command("budgets", *arguments)
        assert "Warning" not in capsys.readouterr().out


@pytest.mark.usefixtures("deployed")
def test_the_usage_of_the_current_period_is_listed(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    call_command("budgets", "apply", write_file(CHAT, INDIA, CHAT | {"name": "other"}))
    dynamodb, now = boto3.client("dynamodb"), datetime.now(UTC)
    store, book = DynamoDbBudgetStore(dynamodb, GOVERNANCE), read_book()
    counters = DynamoDbUsageCounters(dynamodb, COUNTERS, "no-ledger")
    begun = begin_counting(PriceEdition("shipped"), "stack", now, None)
    assert begun is not None
    counters.write_state(begun)
    used = {
        AccumulatorKey(name, 1, value, book.budgets[name].budget.periods.slot_at(now)): totals
        for name, value, totals in (
            ("chat", "", UsageTotals(calls=1, cost_picodollars=125 * 10**12)),
            ("india", ANA, UsageTotals(calls=1, total_tokens=300_000)),
            ("india", BEN, UsageTotals(calls=1, total_tokens=200_000)),
        )
    }
    sums = Sums(accumulators={key.counter_key: totals for key, totals in used.items()})
    counters.commit(Chunk(1, "shard", 1, 1, sums, (), now))
    for name in book.budgets:
        store.mark_active(name, 1)
    capsys.readouterr()
    call_command("budgets", "list")
    printed = " ".join(capsys.readouterr().out.split())
    assert "$125.00 (25%)" in printed
    short = "111122223333 role/chat/ana@example.com"
    assert f"300,000 tokens (30%) by {short}, the most of 2 values" in printed
    assert "nothing" in printed
    assert "usage is too low until that ends" in printed


@pytest.mark.usefixtures("deployed")
def test_a_period_that_began_before_the_counters_is_named_with_what_it_may_lack(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    now = datetime.now(UTC)
    anchor = (now - timedelta(days=30)).date().isoformat()
    long = {"every": "month", "count": 12, "anchor": anchor, "time_zone": "Europe/Berlin"}
    day = CHAT | {"name": "day", "period": {"every": "day"}}
    call_command("budgets", "apply", write_file(CHAT | {"name": "year", "period": long}, day))
    begun = begin_counting(PriceEdition("shipped"), "stack", now, None)
    assert begun is not None
    DynamoDbUsageCounters(boto3.client("dynamodb"), COUNTERS, "no-ledger").write_state(begun)
    capsys.readouterr()
    call_command("budgets", "list")
    (line,) = capsys.readouterr().out.splitlines()[-1:]
    assert line == (
        f"year: all calls were counted again on {now:%Y-%m-%d}. Usage from before that day is"
        " included as far back as the ledger had it then (ledger_retention_days)."
    )


@pytest.mark.usefixtures("deployed")
def test_a_concurrent_change_is_explained(
    write_file: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = BudgetBook(0, {})
    call_command("budgets", "apply", write_file(INDIA))
    monkeypatch.setattr(DynamoDbBudgetStore, "read", lambda _: stale)
    (message,) = read_failure("budgets", "apply", write_file(CHAT))
    assert message.endswith("changed budgets at the same time: run the command again.")


@pytest.mark.usefixtures("aws")
def test_without_governance_the_message_says_how_to_switch_it_on(write_file: WriteFile) -> None:
    deploy(stack_names.STORAGE, GovernanceTableName=GOVERNANCE)
    (message,) = read_failure("budgets", "apply", write_file(CHAT))
    assert message.startswith(
        "budgets apply: governance is off in this Region: set governance to true"
    )


def test_a_file_is_validated_without_an_account(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("budgets", "validate", write_file(CHAT, INDIA)) == 0
    printed = capsys.readouterr().out
    assert "2 budgets of platform: valid." in printed
    assert "india: this time zone is not a whole number of hours from UTC" in printed


def test_a_file_without_budgets_is_named(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command("budgets", "validate", write_file()) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "0 budgets of platform: valid."
    assert second.startswith("The file has no budgets: apply stores none")


@pytest.mark.usefixtures("deployed")
def test_grants_in_a_file_are_left_out_and_the_command_for_them_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    grant = {"id": "june", "usd": 5, "effective_from": "2026-06-01T00:00:00Z"}
    content = {"managed_by": "platform", "budgets": [CHAT], "grants": [grant]}
    file = tmp_path / "budgets.json"
    file.write_text(json.dumps(content), encoding="utf-8")
    for command in ("validate", "apply"):
        call_command("budgets", command, file)
        printed = capsys.readouterr().out
        assert "1 grant of credits left out: only make meter reads grants in a file. Add" in printed
        assert "bedrock-meter credits grant" in printed


def test_a_file_that_no_deployment_can_take_is_not_valid(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    crowd = [CHAT | {"name": f"chat-{number}"} for number in range(48)]
    message, problem = read_failure("budgets", "validate", write_file(*crowd))
    assert message == "budgets validate: the budgets cannot be applied; nothing is changed:"
    assert problem.startswith("  allowed: 46 budgets that can apply to the same call, and with")
    others = [
        CHAT | {"name": f"budget-{number}", "scope": {"project": f"project-{number}"}}
        for number in range(100)
    ]
    call_command("budgets", "validate", write_file(*others))
    last_line = capsys.readouterr().out.splitlines()[-1]
    assert last_line.startswith("Unless they are applied already: allowed: 98 changes at a time")


def test_a_file_with_a_byte_order_mark_is_read(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_file(CHAT)
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig")
    call_command("budgets", "validate", path)
    assert "1 budget of platform: valid." in capsys.readouterr().out


def test_every_fault_of_a_file_is_named_before_aws_is_called(
    write_file: WriteFile, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = CHAT | {"scope": {"projct": "chat"}, "amount": {"usd": -5}}
    for command in ("apply", "validate"):
        path = write_file(wrong)
        assert run_command("budgets", command, path) == 2
        title, field, amount = capsys.readouterr().err.splitlines()
        assert title == f"budgets {command}: {path}: 2 problems:"
        assert field == "  budgets[0] (chat).scope.projct: unknown field; did you mean project?"
        assert amount.startswith("  budgets[0] (chat).amount.usd = -5: allowed: 0.01 to")
    binary = tmp_path / "binary.json"
    binary.write_bytes(b"\xff\xfe")
    assert run_command("budgets", "validate", binary) == 2
    assert capsys.readouterr().err == f"budgets validate: {binary}: not JSON in UTF-8.\n"


def test_the_schema_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_command("budgets", "schema") == 0
    assert json.loads(capsys.readouterr().out)["required"] == ["managed_by", "budgets"]


@pytest.mark.usefixtures("deployed")
def test_list_says_which_sums_lack_usage(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("budgets", "apply", write_file(CHAT))
    store, now = DynamoDbBudgetStore(boto3.client("dynamodb"), GOVERNANCE), datetime.now(UTC)
    gap = UsageGap(now, now + timedelta(minutes=7))
    store.resume("chat", 1, gap)
    capsys.readouterr()
    call_command("budgets", "list")
    expected = f"chat could not be read from {gap.since:%Y-%m-%d %H:%M} to {gap.until:%H:%M} UTC"
    assert expected in capsys.readouterr().out


@pytest.mark.usefixtures("deployed")
def test_a_budget_of_a_later_version_is_left_to_its_manager(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("budgets", "apply", write_file(CHAT, INDIA))
    table = boto3.resource("dynamodb").Table(GOVERNANCE)
    for name in ("chat", "india"):
        key = {"pk": "budgets", "sk": f"budget#{name}"}
        table.update_item(
            Key=key,
            UpdateExpression="SET #format = :later",
            ExpressionAttributeNames={"#format": "format"},
            ExpressionAttributeValues={":later": 2},
        )
    theirs = write_file(CHAT, managed_by="another-team")
    _, problem = read_failure("budgets", "apply", theirs)
    assert "chat is managed by platform, not by another-team" in problem
    capsys.readouterr()
    call_command("budgets", "apply", write_file(CHAT), "--delete", "india")
    printed = capsys.readouterr().out
    assert "Its manager is platform." in printed
    assert "- india, which cannot be read" in printed
    assert "1 new, 0 changed, 1 deleted" in printed
    assert set(read_book().budgets) == {"chat"}
