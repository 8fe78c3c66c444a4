"""A name leaves counters, sums and alerts, and every figure stays."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest

from lambdas.adapters.dynamodb.alert_store import DynamoDbAlertStore
from lambdas.adapters.dynamodb.audit_events import make_audit_event
from lambdas.adapters.dynamodb.booked_identity import group_cells, move_cells
from lambdas.adapters.dynamodb.brake_events import DynamoDbBrakeEvents
from lambdas.adapters.dynamodb.brake_store import DynamoDbBrakeState, DynamoDbDenies
from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.budget_sums import DynamoDbBudgetSums
from lambdas.adapters.dynamodb.counted_identity import DynamoDbCountedIdentity
from lambdas.adapters.dynamodb.counter_items import mark_item, sum_update
from lambdas.adapters.dynamodb.credit_store import DynamoDbCreditStore
from lambdas.adapters.dynamodb.item_names import ItemNames
from lambdas.adapters.dynamodb.person_directory import DynamoDbPersonDirectory
from lambdas.adapters.dynamodb.transactions import write_unless_changed
from lambdas.adapters.dynamodb.usage_counters import DynamoDbUsageCounters
from lambdas.domain.brake import (
    CauseKey,
    Deny,
    DenyCause,
    Exemption,
    NotEnforceable,
    PrincipalKind,
    PrincipalTarget,
    Refusal,
    ReleaseReason,
    SessionTarget,
    ShadowDeny,
    describe_deny,
    describe_release,
    make_releases,
    report_contested,
    report_denied,
    report_not_attached,
    report_refusal,
    report_released,
    report_shadow,
)
from lambdas.domain.budgets import (
    AccumulatorKey,
    BudgetChanges,
    BudgetScope,
    BudgetSubject,
    DayPeriods,
    StoredBudget,
)
from lambdas.domain.budgets.budget_alerts import AlertKey, BudgetAlert, ThresholdKind
from lambdas.domain.change_marks import BRAKE_CONTROLLER
from lambdas.domain.counters import CellKey, CellSpan, Chunk, Mark, Sums, UsageTotals
from lambdas.domain.credits import CellId, CreditGrant, book_cells, find_differences, grant_entry
from lambdas.domain.ledger.readings import join
from tests.adapters.dynamodb.test_usage_counters import COUNTERS, create_table
from tests.audit import change
from tests.aws import LEDGER
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import ANA, BEN, NOON, usage_record
from tests.unit.budgets.builders import LABELS, budget

LONGER = f"{ANA}bel"
PSEUDONYM = f"{ANA.rpartition('/')[0]}/erased-1a2b3c4d"
EACH = StoredBudget(budget("each", per=BudgetSubject.IDENTITY, periods=DayPeriods("UTC")), 1)
PERIOD = EACH.budget.periods.period_at(NOON)
HOUR = CellSpan.HOUR


@pytest.fixture(autouse=True)
def tables(aws: None) -> None:
    create_table()
    create_governance_table()


def counters() -> DynamoDbUsageCounters:
    return DynamoDbUsageCounters(boto3.client("dynamodb"), COUNTERS, LEDGER)


def named(identity: str = ANA) -> DynamoDbCountedIdentity:
    return DynamoDbCountedIdentity(boto3.client("dynamodb"), COUNTERS, GOVERNANCE, identity)


def erase(identity: str = ANA) -> dict[str, int]:
    return dict(named(identity).erase(PSEUDONYM))


def cell(identity: str) -> CellKey:
    return CellKey(HOUR, NOON, LABELS._replace(identity_arn=identity))


def count(number: int, *identities: str) -> None:
    """Count a call of each identity, with its sum of the day, and note it for two revisions."""
    totals = UsageTotals(calls=1, input_tokens=number, cost_picodollars=-number)
    keys = [AccumulatorKey("each", 1, identity, PERIOD).counter_key for identity in identities]
    sums = Sums(
        {cell(identity): totals for identity in identities},
        dict.fromkeys(keys, totals),
        {(cell(identity), number): totals for identity in identities},
    )
    counters().commit(Chunk(1, "shard", number, number, sums, (), NOON))


def read_cells(before_revision: int | None = None) -> Mapping[str, UsageTotals]:
    found = counters().read_cells(1, HOUR, NOON, NOON + timedelta(hours=1), before_revision)
    return {each.key.labels.identity_arn: each.totals for each in found}


def read_sums() -> Mapping[str, UsageTotals]:
    return counters().read_values(1, AccumulatorKey("each", 1, "", PERIOD).name)


def read_everything() -> str:
    client = boto3.client("dynamodb")
    items = [client.scan(TableName=table)["Items"] for table in (COUNTERS, GOVERNANCE)]
    return str(items).replace(LONGER, "")


def test_cells_and_sums_carry_the_pseudonym_with_the_same_figures() -> None:
    count(7, ANA, BEN, LONGER)
    count(8, ANA)
    cells, noted, sums = read_cells(), read_cells(before_revision=8), read_sums()
    assert erase() == {
        "cells of counters": 1,
        "sums of budgets": 1,
        "marks of recounts": 0,
        "booked cells of credits": 0,
        "alerts": 0,
        "deliveries of webhooks": 0,
        "items of the brake": 0,
        "names and events of the audit trail": 0,
    }
    assert ANA not in read_everything()
    for before, after in (
        (cells, read_cells()),
        (noted, read_cells(before_revision=8)),
        (sums, read_sums()),
    ):
        assert after == {
            (PSEUDONYM if name == ANA else name): total for name, total in before.items()
        }
    found = counters().read_identity_cells(1, PSEUDONYM, HOUR, NOON, NOON + timedelta(hours=1))
    assert [each.totals for each in found] == [cells[ANA]]


def test_a_completed_sum_stays_completed() -> None:
    client = boto3.client("dynamodb")
    DynamoDbBudgetStore(client, GOVERNANCE).write(BudgetChanges((EACH.budget,)), 0)
    sums = DynamoDbBudgetSums(client, COUNTERS, GOVERNANCE)
    count(7, ANA)
    base = {AccumulatorKey("each", 1, ANA, PERIOD): UsageTotals(calls=2)}
    assert sums.write_base(1, EACH, base)
    erase()
    again = {AccumulatorKey("each", 1, PSEUDONYM, PERIOD): UsageTotals(calls=2)}
    assert sums.write_base(1, EACH, again)
    assert read_sums()[PSEUDONYM].calls == 3


def test_the_sum_of_a_user_as_principal_is_renamed() -> None:
    user, role_sum = "arn:aws:iam::111122223333:user/team/cy", "arn:aws:iam::111122223333:role/app"
    client = boto3.client("dynamodb")
    for value in ("arn:aws:iam::111122223333:user/cy", role_sum):
        key = AccumulatorKey("each", 1, value, PERIOD).counter_key
        client.update_item(**sum_update(COUNTERS, 1, key, UsageTotals(calls=1)))
    pseudonym = "arn:aws:iam::111122223333:user/team/erased-1a2b3c4d"
    dict(named(user).erase(pseudonym))
    assert read_sums().keys() == {role_sum, "arn:aws:iam::111122223333:user/erased-1a2b3c4d"}


def test_usage_that_is_counted_while_a_cell_is_moved_is_not_lost() -> None:
    count(7, ANA)

    class LateClient:
        """Counts a call between reading and moving."""

        exceptions = boto3.client("dynamodb").exceptions
        get_paginator = staticmethod(boto3.client("dynamodb").get_paginator)

        def __init__(self) -> None:
            self.left = [8]

        def transact_write_items(self, **request: Any) -> None:
            if self.left:
                count(self.left.pop(), ANA)
            boto3.client("dynamodb").transact_write_items(**request)

    late = DynamoDbCountedIdentity(LateClient(), COUNTERS, GOVERNANCE, ANA)  # type: ignore[arg-type]
    assert dict(late.erase(PSEUDONYM))["cells of counters"] == 0
    assert sum(total.calls for total in read_cells().values()) == 2
    assert erase()["cells of counters"] == 1
    assert read_cells()[PSEUDONYM].calls == 2


def test_marks_carry_the_pseudonym_so_that_later_changes_count_at_the_same_edition() -> None:
    record = usage_record(identity_arn=ANA)
    disputed = join(record, record._replace(identity_arn=BEN))
    for number, each in enumerate((record, disputed), 1):
        item: Any = mark_item(number, each, Mark(each), NOON)
        boto3.client("dynamodb").put_item(TableName=COUNTERS, Item=item)
    assert erase()["marks of recounts"] == 2
    (marks,) = counters().read_marks([record], [1]).values()
    assert marks[1] == Mark(record._replace(identity_arn=PSEUDONYM))
    assert ANA not in read_everything()


def alert(value: str) -> BudgetAlert:
    key = AlertKey("each", 1, value, ThresholdKind.ACTUAL, Decimal(80), PERIOD, level=800)
    detail = {"budget": {"value": value}, "alert_ids": [key.id], "drivers": [{"name": ANA}]}
    return BudgetAlert(key, detail)


def test_sent_alerts_carry_the_pseudonym_and_are_not_sent_again() -> None:
    store = DynamoDbAlertStore(boto3.client("dynamodb"), GOVERNANCE)
    for value in (ANA, BEN, LONGER):
        store.add_due(alert(value))
        store.mark_sent(alert(value).key, NOON)
    erase()
    assert ANA not in read_everything()
    assert not store.add_due(alert(PSEUDONYM))
    last_ids = store.read_alerted("each", 1).keys()
    assert last_ids == {alert(value).key.threshold_id for value in (PSEUDONYM, BEN, LONGER)}
    values = {each.key.value: each.detail for each in store.list_alerts("each", 1)}
    assert values.keys() == {PSEUDONYM, BEN, LONGER}
    assert values[PSEUDONYM]["budget"]["value"] == PSEUDONYM
    assert json.dumps(values[BEN]).count(PSEUDONYM) == 1


def test_an_alert_that_is_being_sent_stays_for_the_next_run() -> None:
    store = DynamoDbAlertStore(boto3.client("dynamodb"), GOVERNANCE)
    store.add_due(alert(ANA))
    erase()
    assert named().count()["alerts"] == 1
    store.mark_sent(alert(ANA).key, NOON)
    erase()
    assert ANA not in read_everything()


def test_budgets_that_name_the_person_are_listed_and_left() -> None:
    store = DynamoDbBudgetStore(boto3.client("dynamodb"), GOVERNANCE)
    of_ana, of_longer = (
        budget(name, scope=BudgetScope(identity=(identity,)))
        for name, identity in (("anas", ANA), ("longer", LONGER))
    )
    store.write(BudgetChanges((of_ana, of_longer)), 0)
    assert named().list_budgets() == ["anas"]
    assert named().count()["alerts"] == 0


SESSION = SessionTarget(
    PrincipalTarget("aws", "111122223333", PrincipalKind.ROLE, ANA.split("/")[1]),
    ANA.split("/")[2],
)
CAUSE = DenyCause(CauseKey("each", 1, ANA, PERIOD), PERIOD.end, EACH.budget.amount, 9, 1)
DENIED = Deny(target=SESSION, causes=(CAUSE,), decided_at=NOON)


def brake_events() -> DynamoDbBrakeEvents:
    return DynamoDbBrakeEvents(boto3.client("dynamodb"), GOVERNANCE)


def denies() -> DynamoDbDenies:
    return DynamoDbDenies(boto3.client("dynamodb"), GOVERNANCE)


def deny_and_release(deny: Deny, cause: DenyCause = CAUSE) -> None:
    """Do to a caller all that the brake can do, and let all events be sent."""
    state = DynamoDbBrakeState(boto3.client("dynamodb"), GOVERNANCE)
    refused = Refusal(NotEnforceable(deny.target.arn, Exemption.NO_CONSENT), cause)
    stored = denies().write(deny, describe_deny(None, deny, at=NOON, by=BRAKE_CONTROLLER))
    events = [
        report_denied(deny, NOON),
        report_contested(deny, NOON),
        report_not_attached(deny, "throttled", "Nothing.", NOON),
        report_released(deny, ReleaseReason.BY_HAND, NOON),
        report_shadow(ShadowDeny(deny.target, cause, is_switched_off=False), NOON),
        report_refusal(refused, NOON),
    ]
    for release in make_releases(deny, by="person-00000000000000aa", at=NOON, until=None):
        state.add_release(release)
    state.add_reaction(deny.id, timedelta(seconds=9))
    change = describe_release(deny.target, stored, at=NOON, by=BRAKE_CONTROLLER)
    denies().delete(stored, change)
    for event in events:
        brake_events().add_due(event)
        brake_events().mark_sent(event.id, NOON)


def find_name(arn: str) -> list[str]:
    """The items that name an identity, or have its digest, apart from longer names."""
    items = boto3.client("dynamodb").scan(TableName=GOVERNANCE)["Items"]
    name = ItemNames(arn)
    return [item["pk"]["S"] for item in items if name.are_in(item)]


def test_the_brake_keeps_no_name_and_no_digest_of_a_released_person() -> None:
    deny_and_release(DENIED)
    kinds = {"brake-releases", "brake-reactions", "brake-events", "audit-events"}
    assert set(find_name(ANA)) == kinds
    found = named().count()
    done = erase()
    assert (done["items of the brake"], found["items of the brake"]) == (8, 8)
    assert find_name(ANA) == []
    assert SESSION.session_name not in read_everything()


def test_what_the_brake_noted_holds_for_the_pseudonym() -> None:
    deny_and_release(DENIED)
    erase()
    state = DynamoDbBrakeState(boto3.client("dynamodb"), GOVERNANCE)
    (release,) = state.list_releases()
    assert (release.target_arn, release.key) == (PSEUDONYM, CAUSE.key._replace(value=PSEUDONYM))
    assert list(state.read_reactions()) == [timedelta(seconds=9)]
    role, name = SESSION.role, PSEUDONYM.split("/")[2]
    again = replace(DENIED, target=SessionTarget(role, name), causes=(replace_value(CAUSE),))
    shadow = ShadowDeny(again.target, replace_value(CAUSE), is_switched_off=False)
    assert not brake_events().add_due(report_shadow(shadow, NOON))
    assert not brake_events().add_due(report_denied(again, NOON))


def replace_value(cause: DenyCause) -> DenyCause:
    return replace(cause, key=cause.key._replace(value=PSEUDONYM))


def test_a_denied_user_with_a_path_is_erased_by_the_name_without_it() -> None:
    user = "arn:aws:iam::111122223333:user/team/cy"
    target = PrincipalTarget("aws", "111122223333", PrincipalKind.USER, "cy")
    cause = replace(CAUSE, key=CAUSE.key._replace(value=user))
    deny = replace(DENIED, target=target, causes=(cause,))
    DynamoDbPersonDirectory(boto3.client("dynamodb"), GOVERNANCE).get_or_create_id(target.arn)
    stored = denies().write(deny, None)
    assert named(user).is_denied()
    earlier = NOON - timedelta(hours=1)
    denies().delete(stored, describe_release(target, stored, at=earlier, by=BRAKE_CONTROLLER))
    deny_and_release(deny, cause)
    dict(named(user).erase("arn:aws:iam::111122223333:user/team/erased-1a2b3c4d"))
    assert find_name(user) + find_name(target.arn) == []


def test_an_event_of_the_brake_that_is_about_to_be_sent_stays_for_the_next_run() -> None:
    event = report_denied(DENIED, NOON)
    brake_events().add_due(event)
    assert erase()["items of the brake"] == 0
    brake_events().mark_sent(event.id, NOON)
    assert erase()["items of the brake"] == 1
    assert find_name(ANA) == []


def test_the_deny_of_a_role_for_the_usage_of_a_person_goes_on_for_the_pseudonym() -> None:
    written = denies().write(replace(DENIED, target=SESSION.role), None)
    assert not named().is_denied()
    erase()
    (stored,) = denies().list_denies()
    assert stored == replace(written, causes=(replace_value(CAUSE),))
    assert stored.revision == written.revision + 1
    assert find_name(ANA) == []


def test_the_name_of_a_person_in_the_audit_trail_is_deleted_with_its_events() -> None:
    client = boto3.client("dynamodb")
    people = DynamoDbPersonDirectory(client, GOVERNANCE)
    for arn in (ANA, LONGER):
        people.get_or_create_id(arn)
        event = change(source=f"deny/{len(arn)}", subject=f"principal:{arn}")
        client.transact_write_items(TransactItems=[make_audit_event(GOVERNANCE, event)])
    assert named().count()["names and events of the audit trail"] == 2
    assert erase()["names and events of the audit trail"] == 2
    assert ANA not in read_everything()
    assert [*people.read_names().values()] == [LONGER]


def test_a_pattern_that_has_the_name_of_a_person_is_deleted_with_the_name() -> None:
    people = DynamoDbPersonDirectory(boto3.client("dynamodb"), GOVERNANCE)
    pattern = f"*:{ANA.rpartition(':')[2]}"
    for arn in (pattern, f"*:{LONGER.rpartition(':')[2]}"):
        people.get_or_create_id(arn)
    assert erase()["names and events of the audit trail"] == 1
    assert pattern not in people.read_names().values()
    assert len(people.read_names()) == 1


def book(identity: str, *, hour: timedelta = timedelta(0)) -> DynamoDbCreditStore:
    """Grant credits once, and book a cell of an identity."""
    store = DynamoDbCreditStore(boto3.client("dynamodb"), GOVERNANCE)
    made = CreditGrant(id="start", picodollars=100, effective_from=NOON, created_at=NOON)
    granted = grant_entry(made)
    store.add_grant(granted.grants[0], granted.entry)
    counted = {CellId(NOON + hour, LABELS._replace(identity_arn=identity)): 7}
    differences = find_differences(store.read_book(), counted, {})
    for booking in book_cells(store.read_book(), differences, NOON + timedelta(hours=1)):
        store.commit(*booking)
    return store


def test_booked_cells_move_with_the_counted_ones() -> None:
    count(7, ANA, BEN)
    store = book(ANA)
    book(BEN)
    before = store.read_booked(NOON)
    assert named().count()["booked cells of credits"] == 1
    assert erase()["booked cells of credits"] == 1
    assert ANA not in read_everything()
    assert {
        (cell.id.labels.identity_arn, cell.payments) for cell in store.read_booked(NOON).values()
    } == {
        (PSEUDONYM if cell.id.labels.identity_arn == ANA else BEN, cell.payments)
        for cell in before.values()
    }
    assert set(read_cells()) == {PSEUDONYM, BEN}


def test_the_quarters_of_an_hour_move_together() -> None:
    store = book(ANA)
    keys = [
        CellKey(CellSpan.QUARTER, NOON + timedelta(minutes=minutes), cell(ANA).labels)
        for minutes in (0, 15, 45)
    ]
    sums = Sums(dict.fromkeys(keys, UsageTotals(calls=1)))
    counters().commit(Chunk(1, "shard", 1, 1, sums, (), NOON))
    requests: list[int] = []
    client: Any = boto3.client("dynamodb")
    identity = DynamoDbCountedIdentity(CountingClient(client, requests), COUNTERS, GOVERNANCE, ANA)  # type: ignore[arg-type]
    assert dict(identity.erase(PSEUDONYM))["cells of counters"] == 3
    assert requests == [8]
    (moved,) = store.read_booked(NOON)
    assert moved.labels.identity_arn == PSEUDONYM


class CountingClient:
    """A client that notes the number of actions of each transaction."""

    def __init__(self, client: Any, requests: list[int]) -> None:
        self._client, self._requests = client, requests

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **request: Any) -> Any:
        self._requests.append(len(request["TransactItems"]))
        return self._client.transact_write_items(**request)


def test_a_booked_cell_without_a_counted_one_moves_too() -> None:
    store = book(ANA)
    assert erase()["booked cells of credits"] == 1
    assert [cell.labels.identity_arn for cell in store.read_booked(NOON)] == [PSEUDONYM]


def test_a_cell_that_is_booked_meanwhile_stays_for_the_next_run() -> None:
    count(7, ANA)
    store = book(ANA)
    item = {**named_item("credit-cells#"), "version": {"N": "2"}}
    stale = named()
    moves = list(group_cells([], [named_item("credit-cells#")]))
    boto3.client("dynamodb").put_item(TableName=GOVERNANCE, Item=item)
    actions = move_cells(COUNTERS, GOVERNANCE, moves[0], PSEUDONYM)
    assert not write_unless_changed(boto3.client("dynamodb"), actions)
    assert [cell.labels.identity_arn for cell in store.read_booked(NOON)] == [ANA]
    assert stale.count()["booked cells of credits"] == 1


def named_item(prefix: str) -> dict[str, Any]:
    items = boto3.client("dynamodb").scan(TableName=GOVERNANCE)["Items"]
    (found,) = [item for item in items if item["pk"]["S"].startswith(prefix)]
    return dict(found)


def test_grants_whose_scope_names_the_person_are_listed() -> None:
    store = book(BEN)
    scope = BudgetScope(identity=(ANA,))
    granted = grant_entry(
        CreditGrant(id="anas", picodollars=1, scope=scope, effective_from=NOON, created_at=NOON)
    )
    store.add_grant(granted.grants[0], granted.entry)
    assert named().list_grants() == ["anas"]
    assert named(BEN).list_grants() == []
