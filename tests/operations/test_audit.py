"""`bedrock-meter audit` verifies the chain with its anchors, and exports it."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import boto3
import pytest

from cdk.config import stack_names
from cdk.config.governance import AuditLock
from cdk.operations.audit import AuditTrail, ConfiguredLock, verify_audit
from cdk.operations.terminal import DamageError
from dashboards.command_line.entry_point import (
    DamagedCommand,
    FailedCommand,
    IncompleteCommand,
)
from lambdas.adapters.dynamodb.audit_store import DynamoDbAuditStore
from lambdas.adapters.dynamodb.brake_store import DynamoDbBrakeState
from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.person_directory import DynamoDbPersonDirectory
from lambdas.adapters.s3.audit_anchors import S3AuditAnchors
from lambdas.domain.audit import (
    AnchorLock,
    AuditAction,
    AuditAnchor,
    ChainHead,
    replace_people,
    verify_chain,
    write_canonical,
)
from lambdas.domain.brake import BrakeSwitch, make_releases, write_release, write_switch
from lambdas.domain.budgets import BudgetChanges, write_budget
from lambdas.domain.budgets.governance_table import RELEASES
from tests.audit import ANA_ID, ANCHORS, AUDIT, change, create_anchor_bucket, create_audit_table
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import ANA, NOON
from tests.command_line import call_command, run_command
from tests.operations.deployed import deploy
from tests.unit.brake.builders import ANA_SESSION, CHAT, MIDNIGHT, deny
from tests.unit.budgets.builders import budget

ROOT = Path(__file__).parents[2]
NOW = datetime.now(UTC)
STORED = {
    "definition": write_budget(budget("chat")),
    "generation": "1",
    "state": "building",
}


@pytest.fixture(autouse=True)
def deployed(aws: None) -> None:
    create_governance_table()
    create_audit_table()
    create_anchor_bucket()
    deploy(stack_names.STORAGE, GovernanceTableName=GOVERNANCE)
    deploy(stack_names.GOVERNANCE, UsageCounterName="counter")


def store() -> DynamoDbAuditStore:
    return DynamoDbAuditStore(boto3.client("dynamodb"), AUDIT)


def people() -> DynamoDbPersonDirectory:
    return DynamoDbPersonDirectory(boto3.client("dynamodb"), GOVERNANCE)


def append(**changes: Any) -> None:
    head = store().read_head()
    store().append(head.append(change(head.sequence + 1, **changes), NOW))


def anchor(hours: float = 0) -> None:
    made = AuditAnchor.at(NOW + timedelta(hours=hours), store().read_head())
    S3AuditAnchors(boto3.client("s3"), ANCHORS).write(made)


def alter(place: str, **attributes: str) -> None:
    key = {"pk": {"S": "chain"}, "sk": {"S": place}}
    item: Any = {**key, **{name: {"S": value} for name, value in attributes.items()}}
    boto3.client("dynamodb").put_item(TableName=AUDIT, Item=item)


def verify() -> None:
    call_command("audit", "verify")


def find_damage() -> list[str]:
    with pytest.raises(DamagedCommand) as failure:
        verify()
    return [failure.value.message, *failure.value._details]  # noqa: SLF001  # what it prints


def test_an_intact_chain_is_verified(capsys: pytest.CaptureFixture[str]) -> None:
    for subject in ("prices", "prices"):
        append(subject=subject)
    anchor()
    append(subject="prices")
    verify()
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith(
        "Verified 3 entries with 1 anchor: 2 entries confirmed, 1 after the last anchor"
    )
    assert f"The last anchor is of {NOW:%Y-%m-%d %H:00} UTC." in printed
    assert printed[-1] == "The audit trail is intact."


def test_changes_without_an_actor_are_named_and_end_with_a_code_of_their_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    append(subject="prices", changed_by=None)
    append(subject="prices")
    append(subject="brake", action=AuditAction.SWITCH_BRAKE, changed_by=None, after=None)
    anchor()
    with pytest.raises(IncompleteCommand) as failure:
        verify()
    printed = capsys.readouterr().out.splitlines()
    title = printed.index("2 changes without an actor:")
    assert printed[title + 1 : title + 3] == [
        f"  1: budget.change of prices at {NOON:%Y-%m-%d %H:%M} UTC",
        f"  3: brake.switch of brake at {NOON:%Y-%m-%d %H:%M} UTC",
    ]
    assert "The audit trail is intact." not in printed
    assert failure.value.message.endswith("Once you have reviewed them: --reviewed 3")
    assert run_command("audit", "verify") == 3
    assert run_command("audit", "verify", "--reviewed", "2") == 3
    assert run_command("audit", "verify", "--reviewed", "3") == 0


def test_the_first_changes_without_an_actor_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(23):
        append(subject="prices", changed_by=None)
    anchor()
    assert run_command("audit", "verify") == 3
    printed = capsys.readouterr().out.splitlines()
    assert "  20: budget.change of prices" in "\n".join(printed)
    assert printed[-1] == "  and 3 more"


def test_a_deployment_without_changes_is_intact(capsys: pytest.CaptureFixture[str]) -> None:
    anchor()
    verify()
    assert capsys.readouterr().out.splitlines()[-1] == "The audit trail is intact."


def open_trail(deployed_at: datetime | None) -> AuditTrail:
    return AuditTrail(
        store=store(),
        anchors=S3AuditAnchors(boto3.client("s3"), ANCHORS),
        lock=ConfiguredLock(AuditLock.NONE, 0),
        budgets=DynamoDbBudgetStore(boto3.client("dynamodb"), GOVERNANCE),
        brake=DynamoDbBrakeState(boto3.client("dynamodb"), GOVERNANCE),
        people=people(),
        deployed_at=deployed_at,
    )


def test_before_the_first_anchor_is_due_the_chain_alone_is_verified(
    capsys: pytest.CaptureFixture[str],
) -> None:
    append(subject="prices")
    assert run_command("audit", "verify") == 0
    assert capsys.readouterr().out.splitlines()[-1] == (
        "The chain is intact. There is no anchor yet: AuditWriter writes the first one within an"
        " hour or so of its deployment. Verify again then."
    )
    alter("000000000001", entry="{}", hash="")
    assert run_command("audit", "verify") == 4


@pytest.mark.parametrize("deployed_at", [None, NOW - timedelta(minutes=90)])
def test_without_an_anchor_nothing_is_proven(deployed_at: datetime | None) -> None:
    append(subject="prices")
    with pytest.raises(DamageError) as failure:
        verify_audit(open_trail(deployed_at), NOW)
    assert failure.value.details == (
        "  there is no anchor: AuditWriter writes one each hour, and its log has the reason",
    )


def test_entries_before_the_first_anchor_are_a_problem() -> None:
    begin = NOW - timedelta(hours=7)
    store().append(ChainHead().append(change(), begin))
    anchor()
    assert find_damage()[1] == (
        f"  not anchored: 6 hours without an anchor between {begin:%Y-%m-%d %H:00}"
        f" and {NOW:%Y-%m-%d %H:00} UTC"
    )


def test_anchors_that_were_deleted_are_a_problem() -> None:
    append()
    for hours in (-5, -2, -1, 0):
        anchor(hours)
    (_, problem) = find_damage()
    assert problem.startswith("  not anchored: 2 hours without an anchor between ")


def test_anchors_that_ended_are_a_problem() -> None:
    append()
    for hours in (-5, -4):
        anchor(hours)
    (_, problem) = find_damage()
    assert f"without an anchor between {NOW - timedelta(hours=4):%Y-%m-%d %H:00} and" in problem


def test_entries_that_anchors_leave_out_are_a_problem() -> None:
    head = store().read_head()
    for hours in (-4, -3, -2, -1, 0):
        made = AuditAnchor.at(NOW + timedelta(hours=hours), head)
        S3AuditAnchors(boto3.client("s3"), ANCHORS).write(made)
    recorded_at = NOW - timedelta(hours=3)
    store().append(head.append(change(), recorded_at))
    assert find_damage()[1] == (
        f"  not anchored: no anchor has the entries since {recorded_at:%Y-%m-%d %H:%M} UTC"
    )


def test_an_anchor_that_is_not_locked_as_configured_is_a_problem() -> None:
    boto3.client("s3").put_object_lock_configuration(
        Bucket=ANCHORS,
        ObjectLockConfiguration={
            "ObjectLockEnabled": "Enabled",
            "Rule": {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 9999}},
        },
    )
    anchor()
    assert find_damage()[1].startswith(
        "  the last anchor is not locked for 365 days in mode compliance"
    )


@pytest.mark.parametrize(
    ("mode", "days", "found", "is_kept"),
    [
        ("none", 400, None, True),
        ("governance", 400, None, False),
        ("governance", 400, ("GOVERNANCE", 400), True),
        ("governance", 400, ("GOVERNANCE", 399), False),
        ("governance", 400, ("COMPLIANCE", 400), True),
        ("compliance", 400, ("GOVERNANCE", 400), False),
    ],
)
def test_an_anchor_is_locked_as_configured_or_better(
    mode: str, days: int, found: tuple[str, int] | None, is_kept: bool
) -> None:
    made = AuditAnchor.at(NOON, ChainHead())
    lock = found and AnchorLock(found[0], made.hour + timedelta(days=found[1]))
    assert ConfiguredLock(AuditLock(mode), days).is_kept(made, lock) is is_kept


def test_marks_that_hide_changes_are_named() -> None:
    append()
    anchor()
    item: Any = {"pk": {"S": "source#stream/unseen"}, "sk": {"S": "-"}}
    boto3.client("dynamodb").put_item(TableName=AUDIT, Item=item)
    assert find_damage()[1] == "  wrong mark: source#stream/unseen names no entry that has it"


def test_damage_is_named_and_ends_with_a_code_of_its_own() -> None:
    for _ in range(3):
        append(subject="prices")
    anchor()
    dynamodb = boto3.client("dynamodb")
    for place in ("000000000001", "000000000003"):
        key = {"pk": {"S": "chain"}, "sk": {"S": place}}
        dynamodb.delete_item(TableName=AUDIT, Key=key)
    assert find_damage() == [
        "audit verify: the audit trail is damaged in 2 places:",
        "  gap: entry 1 is missing",
        "  removed end: entry 3 was anchored, and the last entry is 2",
    ]
    assert run_command("audit", "verify") == 4


def test_a_chain_that_was_written_anew_is_found() -> None:
    append(subject="prices")
    anchor()
    forged = ChainHead().append(change(subject="budget:forged"), NOON)
    alter("000000000001", entry=forged.text, hash=forged.hash)
    assert verify_chain(store().read_entries()).is_intact
    assert find_damage()[1] == "  rebuilt: entry 1 is another one than was anchored"


def test_an_object_among_the_anchors_that_is_not_one_is_named() -> None:
    anchor()
    boto3.client("s3").put_object(
        Bucket=ANCHORS, Key="anchors/other.json", Body=b"", ChecksumAlgorithm="SHA256"
    )
    assert find_damage()[1] == "  anchors/other.json in the bucket of anchors is not an anchor"


DIFFERING = "audit verify: the chain is intact, but not everything is stored as it has it."


def read_differing(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Read what a verification names as stored otherwise, and check that it ends with 4."""
    (problem,) = find_damage()
    assert problem.startswith(DIFFERING)
    assert run_command("audit", "verify") == 4
    assert capsys.readouterr().err.splitlines() == [problem]
    find_damage()
    printed = capsys.readouterr().out.splitlines()
    assert "The audit trail is intact." not in printed
    return printed[printed.index("Not stored as the audit trail has it:") + 1 :]


def test_budgets_that_differ_from_their_last_entries_are_a_problem(
    capsys: pytest.CaptureFixture[str],
) -> None:
    budgets = DynamoDbBudgetStore(boto3.client("dynamodb"), GOVERNANCE)
    budgets.write(BudgetChanges((budget("chat"), budget("unseen"))), 0)
    anchor()
    append(subject="budget:chat", action=AuditAction.CREATE_BUDGET, after=STORED)
    append(subject="budget:gone", after=STORED)
    assert read_differing(capsys) == ["  budget:gone", "  budget:unseen"]
    budgets.mark_active("chat", 1)
    assert read_differing(capsys) == ["  budget:chat", "  budget:gone", "  budget:unseen"]


def decisions() -> DynamoDbBrakeState:
    return DynamoDbBrakeState(boto3.client("dynamodb"), GOVERNANCE)


def test_a_switch_that_differs_from_its_last_entry_is_a_problem(
    capsys: pytest.CaptureFixture[str],
) -> None:
    anchor()
    on = BrakeSwitch(is_on=True, by=ANA_ID, at=NOON)
    decisions().write_switch(on)
    assert read_differing(capsys) == ["  brake"]
    append(subject="brake", action=AuditAction.SWITCH_BRAKE, after=write_switch(on))
    verify()
    decisions().write_switch(on._replace(is_on=False))
    assert read_differing(capsys) == ["  brake"]


def test_a_release_that_differs_from_its_last_entry_is_a_problem(
    capsys: pytest.CaptureFixture[str],
) -> None:
    anchor()
    (release,) = make_releases(deny(target=ANA_SESSION), by=ANA_ID, at=NOON, until=MIDNIGHT)
    (other,) = make_releases(deny(target=CHAT), by=ANA_ID, at=NOON, until=None)
    person = people().get_or_create_id(ANA_SESSION.arn)
    for each in (release, other):
        decisions().add_release(each)
        state = replace_people(write_release(each), people().get_or_create_id)
        append(
            subject=f"principal:{state['target_arn']}",
            action=AuditAction.RELEASE_BY_HAND,
            after=state,
        )
    append(subject=f"principal:{person}", action=AuditAction.RELEASE, after=None)
    verify()
    item: Any = {
        "pk": {"S": RELEASES},
        "sk": {"S": "a"},
        "content": {"S": json.dumps(write_release(replace(release, until=None)))},
    }
    boto3.client("dynamodb").put_item(TableName=GOVERNANCE, Item=item)  # beside the recorded one
    (found,) = read_differing(capsys)
    assert found.startswith(f"  release of {person} ")


def test_a_release_that_has_expired_is_not_a_problem() -> None:
    anchor()
    (release,) = make_releases(deny(target=CHAT), by=ANA_ID, at=NOON, until=None)
    append(
        subject=f"principal:{CHAT.arn}",
        action=AuditAction.RELEASE_BY_HAND,
        after=write_release(release),
    )
    verify()


def test_budgets_as_their_last_entries_have_them_are_not_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    budgets = DynamoDbBudgetStore(boto3.client("dynamodb"), GOVERNANCE)
    budgets.write(BudgetChanges((budget("chat"),)), 0)
    anchor()
    append(subject="budget:chat", after=STORED)
    append(subject="budget:gone", after=STORED)
    append(subject="budget:gone", action=AuditAction.DELETE_BUDGET, after=None)
    verify()
    assert "Not stored as the audit trail" not in capsys.readouterr().out


@pytest.mark.parametrize("between", [timedelta(0), timedelta(minutes=1)])
def test_changes_that_were_appended_out_of_order_differ_in_nothing(
    between: timedelta, capsys: pytest.CaptureFixture[str]
) -> None:
    budgets = DynamoDbBudgetStore(boto3.client("dynamodb"), GOVERNANCE)
    budgets.write(BudgetChanges((budget("chat"),)), 0)
    anchor()
    before = {**STORED, "generation": "0"}
    append(subject="budget:chat", before=before, after=STORED, changed_at=NOON + between)
    append(subject="budget:chat", before=None, after=before)
    verify()
    assert "Not stored as the audit trail" not in capsys.readouterr().out


def test_entries_are_exported_with_hashes_that_others_can_check(tmp_path: Path) -> None:
    ana = people().get_or_create_id(ANA)
    append(changed_by=ana)
    append(changed_by=None)
    out = tmp_path / "audit.jsonl"
    call_command("audit", "export", "--out", out)
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["changed_by"] for line in lines] == [ana, None]
    for line in lines:
        stored = line.pop("hash")
        text = json.dumps(line, sort_keys=True, separators=(",", ":"))
        assert sha256(text.encode()).hexdigest() == stored
    assert lines[1]["previous_hash"] == sha256(write_canonical(lines[0]).encode()).hexdigest()


CHECK = re.findall(r"```python\n(.+?)```", (ROOT / "docs/audit.md").read_text(), re.DOTALL)


def check_elsewhere(folder: Path, lines: list[str], names: list[str]) -> tuple[int, str]:
    """Run the check in docs/audit.md, which knows nothing of this project."""
    (script,) = CHECK
    (folder / "check.py").write_text(script)
    (folder / "anchors.txt").write_text("\n".join(names))
    done = subprocess.run(
        [sys.executable, "-I", "check.py", "anchors.txt"],
        cwd=folder,
        input="".join(lines),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).strip()


def list_anchor_names() -> list[str]:
    versions = boto3.client("s3").list_object_versions(Bucket=ANCHORS, Prefix="anchors/")
    return [version["Key"] for version in versions["Versions"]]


def test_an_export_is_checked_elsewhere_with_the_names_of_anchors(tmp_path: Path) -> None:
    anchor(-1)  # before the first entry
    for _ in range(3):
        append(changed_by=people().get_or_create_id(ANA))
    anchor()
    out = tmp_path / "audit.jsonl"
    call_command("audit", "export", "--names", "--out", out)
    lines, names = out.read_text().splitlines(keepends=True), list_anchor_names()
    code, printed = check_elsewhere(tmp_path, lines, names)
    assert (code, printed.partition(". ")[0]) == (0, "3 entries are intact")
    for wrong, problem in {
        (lines[0], lines[1].replace("budget:chat", "budget:forged"), lines[2]): "line 2 differs",
        (lines[0], forge(lines[1]), lines[2]): "line 3 does not follow",
        (lines[0], lines[2]): "line 2 does not follow",
        (lines[1], lines[2]): "line 1 does not follow",
        (lines[0], lines[1]): "the chain does not have the entry of anchors/",
        (lines[0], lines[1], forge(lines[2])): "the chain does not have",
    }.items():
        code, printed = check_elsewhere(tmp_path, [*wrong], names)
        assert (code, printed.startswith(problem)) == (1, True), printed


def forge(line: str) -> str:
    """Change an exported entry, and give it a hash of its own."""
    entry = json.loads(line) | {"subject": "budget:forged"}
    del entry["hash"], entry["name"]
    hashed = {"hash": sha256(write_canonical(entry).encode()).hexdigest()}
    return f"{write_canonical(entry | hashed)}\n"


def test_names_are_exported_until_they_are_erased(capsys: pytest.CaptureFixture[str]) -> None:
    append(changed_by=people().get_or_create_id(ANA))
    call_command("audit", "export", "--names")
    assert json.loads(capsys.readouterr().out)["name"] == ANA
    people().delete(ANA)
    call_command("audit", "export", "--names")
    assert "name" not in json.loads(capsys.readouterr().out)


def test_a_damaged_entry_ends_the_export(capsys: pytest.CaptureFixture[str]) -> None:
    append()
    alter("000000000002", entry="{}", hash="")
    with pytest.raises(FailedCommand, match="entry 2 is damaged"):
        call_command("audit", "export")
    assert len(capsys.readouterr().out.splitlines()) == 1


def test_a_command_acts_as_the_person_who_runs_it(tmp_path: Path) -> None:
    path = tmp_path / "budgets.json"
    chat = {
        "name": "chat",
        "scope": {},
        "amount": {"usd": 5},
        "period": {"every": "day", "time_zone": "UTC"},
    }
    path.write_text(json.dumps({"managed_by": "platform", "budgets": [chat]}))
    call_command("budgets", "apply", path, "--dry-run")
    assert people().read_names() == {}
    call_command("budgets", "apply", path)
    key = {"pk": {"S": "budgets"}, "sk": {"S": "budget#chat"}}
    item = boto3.client("dynamodb").get_item(TableName=GOVERNANCE, Key=key)["Item"]
    arn = boto3.client("sts").get_caller_identity()["Arn"]
    assert people().read_names() == {item["changed_by"]["S"]: arn}
    first = item["change_id"]
    call_command("budgets", "rebuild", "chat")
    item = boto3.client("dynamodb").get_item(TableName=GOVERNANCE, Key=key)["Item"]
    assert item["change_id"] != first
