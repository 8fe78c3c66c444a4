"""Changes of budgets and prices, as the audit trail describes them."""

import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.audit import (
    CONTRACTED_PRICES,
    AuditAction,
    AuditedChange,
    AuditedSetting,
    ChainHead,
    describe_budget_change,
    describe_price_change,
    describe_setting_change,
    read_entry,
    replace_people,
)
from lambdas.domain.pricing.editions import (
    HeldPrice,
    HoldReason,
    LastChange,
    PriceDecision,
    PriceUpdates,
)
from tests.audit import ANA_ID, change
from tests.builders import ANA, NOON
from tests.unit.pricing.editions import rate

BUILDER = "meter:budget_builder"


def item(**changes: Any) -> dict[str, Any]:
    """A stored budget that Ana has applied, but for the changes; `None` leaves one out."""
    defaults: dict[str, Any] = {
        "pk": "budgets",
        "sk": "budget#chat",
        "format": "1",
        "definition": json.dumps({"name": "chat", "amount": {"usd": "100"}}),
        "generation": "1",
        "state": "building",
        "changed_by": ANA_ID,
        "change_id": "a",
    }
    return {name: value for name, value in {**defaults, **changes}.items() if value is not None}


def describe(before: Any, after: Any, **options: Any) -> AuditedChange | None:
    return describe_budget_change(before, after, source="stream/1", changed_at=NOON, **options)


def test_a_new_budget_has_a_state_afterwards_alone() -> None:
    found = describe(None, item())
    assert found == change(
        action=AuditAction.CREATE_BUDGET,
        before=None,
        after={
            "format": "1",
            "definition": {"name": "chat", "amount": {"usd": "100"}},
            "generation": "1",
            "state": "building",
        },
    )


@pytest.mark.parametrize(
    ("changes", "action"),
    [
        ({"definition": "{}"}, AuditAction.CHANGE_BUDGET),
        ({"definition": "{}", "generation": "2"}, AuditAction.CHANGE_BUDGET),
        ({"generation": "2"}, AuditAction.REBUILD_BUDGET),
        ({"state": "active"}, AuditAction.ACTIVATE_BUDGET),
        ({"interrupted_at": "2026-11-28T12:00:00+00:00"}, AuditAction.INTERRUPT_BUDGET),
        ({"expires_at": "1"}, AuditAction.CHANGE_BUDGET),
        ({"format": "2"}, AuditAction.CHANGE_BUDGET),
    ],
)
def test_every_change_of_a_budget_is_recorded(changes: dict[str, Any], action: AuditAction) -> None:
    found = describe(item(), item(changed_by=BUILDER, change_id="b", **changes))
    assert found is not None
    assert (found.action, found.changed_by) == (action, BUILDER)


def test_a_budget_that_goes_on_after_an_interruption_is_recorded() -> None:
    start, end = "2026-11-28T12:00:00+00:00", "2026-11-28T12:10:00+00:00"
    found = describe(
        item(interrupted_at=start), item(gap=[start, end], changed_by=BUILDER, change_id="b")
    )
    assert found is not None
    assert (found.action, found.changed_by) == (AuditAction.RESUME_BUDGET, BUILDER)


def test_a_budget_that_goes_back_to_building_is_recorded() -> None:
    found = describe(item(state="active"), item(state="building"))
    assert found is not None
    assert (found.action, found.changed_by) == (AuditAction.CHANGE_BUDGET, None)


def test_what_the_meter_notes_for_itself_is_not_recorded() -> None:
    assert describe(item(), item(announced_at="2026-11-28T12:00:00+00:00")) is None
    assert describe(item(), item(changed_by=BUILDER, change_id="b")) is None


@pytest.mark.parametrize(
    "marks",
    [
        {},
        {"changed_by": BUILDER},
        {"change_id": None},
        {"change_id": "b", "changed_by": None},
        {"change_id": "b", "changed_by": "arn:aws:iam::111122223333:user/ana"},
        {"change_id": "b", "changed_by": {"S": "x"}},
    ],
)
def test_a_change_without_a_mark_of_its_own_has_no_actor(marks: dict[str, Any]) -> None:
    found = describe(item(), item(definition="{}", **marks))
    assert found is not None
    assert found.changed_by is None


def test_a_deletion_has_the_actor_that_its_transaction_names() -> None:
    for deleted_by in (ANA_ID, None):
        found = describe(item(), None, deleted_by=deleted_by)
        assert found is not None
        assert (found.action, found.changed_by) == (AuditAction.DELETE_BUDGET, deleted_by)
        assert found.after is None


@pytest.mark.parametrize("definition", ["not JSON", "[" * 10_000, "{" * 10_000, "9" * 10_000])
def test_a_definition_that_was_written_by_hand_is_recorded_as_it_is(definition: str) -> None:
    found = describe(item(), item(definition=definition))
    assert found is not None
    assert found.after["definition"] == definition
    assert read_entry(ChainHead().append(found, NOON).text).change == found


def test_numbers_of_a_definition_stay_as_they_were_written() -> None:
    found = describe(None, item(definition='{"usd": 0.1000000000000000055, "n": NaN}'))
    assert found is not None
    assert found.after["definition"] == {"usd": "0.1000000000000000055", "n": "NaN"}


def replace_each(document: Any) -> Any:
    return replace_people(document, lambda arn: f"<{arn.rpartition('/')[2]}>")


def test_people_are_replaced_by_their_ids_wherever_they_are() -> None:
    user = "arn:aws-cn:iam::111122223333:user/team/ben"
    document = {"scope": {"identity": [ANA, user, "*"]}, f"text of {user}.": 1, "of": None}
    replaced = replace_each(document)
    assert "ana" not in json.dumps(replaced).replace("<ana", "")
    assert replaced == {
        "scope": {"identity": [f"<{ANA.rpartition('/')[2]}>", "<ben>", "*"]},
        "text of <ben.>": 1,
        "of": None,
    }


@pytest.mark.parametrize(
    "name",
    [
        "arn:aws:iam::111122223333:role/app",
        "arn:aws:sts::111122223333:assumed-role/app/*",
        "arn:aws:iam::*:user/*",
        "arn:aws:iam::111122223333:root",
        "ana@example.com",
    ],
)
def test_roles_and_patterns_stay(name: str) -> None:
    assert replace_each(name) == name


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::*:user/ana.smith",
        "*:user/ana.smith",
        "arn:aws:iam::111122223333:user/div!x/ana.smith",
        "arn:aws:iam::111122223333:user/a/b/c/d/e/f/g/h/i/ana.smith",
        "arn:*:sts::111122223333:assumed-role/chat/ana.smith@example.com",
        "arn:aws:sts::111122223333:assumed-role/*/ana.smith@example.com",
        "arn:aws:sts::111122223333:assumed-role/chat/ana.smith*",
        "arn:aws:sts::111122223333:federated-user/ana.smith",
        "assumed-role/*/ana.smith@example.com",
        f"arn:aws:iam::111122223333:user/{'x' * 5_000}/ana.smith",
    ],
)
def test_patterns_and_unusual_paths_name_people_too(arn: str) -> None:
    ids = {arn[-1_000:]: "person-00000000000000aa"}
    assert replace_people([arn, f"caller {arn} is denied"], ids.__getitem__) == [
        "person-00000000000000aa",
        "caller person-00000000000000aa is denied",
    ]


_PRINTABLE = st.characters(min_codepoint=0x21, max_codepoint=0x7E)  # IAM's letters of a path


@given(
    st.sampled_from(["iam::{}:user", "sts::{}:assumed-role/chat", "sts::{}:federated-user"]),
    st.sampled_from(["111122223333", "*"]),
    st.text(_PRINTABLE).map(lambda path: f"/{path}/" if path else "/"),
    st.from_regex(r"[a-z][\w+=,.@-]{0,63}", fullmatch=True).map(lambda name: f"Ana.{name}"),
)
def test_no_name_of_a_person_is_left(kind: str, account: str, path: str, name: str) -> None:
    text = f"arn:aws:{kind.format(account)}{path}{name}"
    replaced = replace_people({text: text}, lambda _: "person-00000000000000aa")
    assert "Ana." not in json.dumps(replaced)
    assert replace_people(replaced, lambda _: "other") == replaced


def test_many_names_in_one_text_are_replaced_in_time_of_its_length() -> None:
    text = ":user/" * 10_000 + ":assumed-role/" * 5_000
    assert replace_each(text) == "<>"
    assert replace_each("arn:" * 50_000) == "arn:" * 50_000


@given(st.recursive(st.text() | st.integers() | st.none(), st.lists))
def test_documents_without_people_stay(document: Any) -> None:
    assert replace_each(document) == document


HELD = HeldPrice(
    reason=HoldReason.LARGE_CHANGE,
    offer="AmazonBedrock",
    since=NOON,
    name="amazon.nova-pro-v1:0",
    rate=rate("3"),
    usd_before=Decimal(1),
    read_on=date(2026, 11, 28),
)
EMPTY = PriceUpdates()
WAITING = PriceUpdates(held=(HELD,))


def decided(decision: PriceDecision, made_by: str | None = ANA_ID) -> LastChange:
    return LastChange(decision=decision, made_at=NOON, made_by=made_by)


def describe_price(before: PriceUpdates | None, after: PriceUpdates | None) -> AuditedChange | None:
    return describe_price_change(before, after, source="prices/1", changed_at=NOON)


@pytest.mark.parametrize(
    ("decision", "action"),
    [
        (PriceDecision.CHECK, AuditAction.UPDATE_PRICES),
        (PriceDecision.ACCEPT, AuditAction.ACCEPT_PRICES),
        (PriceDecision.REJECT, AuditAction.REJECT_PRICES),
        (PriceDecision.SUPERSEDE, AuditAction.SUPERSEDE_PRICES),
    ],
)
def test_a_decision_on_prices_is_recorded_with_what_changed(
    decision: PriceDecision, action: AuditAction
) -> None:
    rejected = PriceUpdates(settled=(HELD,), last_change=decided(decision))
    found = describe_price(WAITING, rejected)
    assert found is not None
    assert (found.action, found.changed_by) == (action, ANA_ID)
    name = {HELD.id: "large_change amazon.nova-pro-v1:0"}
    nothing: dict[str, Any] = {"edition": None, "reason": None}
    assert found.before == nothing | {"held": name, "rejected": {}}
    assert found.after == nothing | {"held": {}, "rejected": name}


def test_a_check_that_finds_nothing_is_not_recorded() -> None:
    checked = WAITING.model_copy(
        update={"checked_at": NOON, "last_change": decided(PriceDecision.CHECK)}
    )
    assert describe_price(WAITING, checked) is None


@pytest.mark.parametrize("last", [None, decided(PriceDecision.ACCEPT)])
def test_prices_that_changed_without_a_decision_have_no_actor(last: LastChange | None) -> None:
    before = WAITING.model_copy(update={"last_change": last})
    found = describe_price(before, EMPTY.model_copy(update={"last_change": last}))
    assert found is not None
    assert (found.action, found.changed_by) == (AuditAction.CHANGE_PRICES, None)


def test_a_deleted_or_damaged_pointer_is_recorded() -> None:
    found = describe_price(WAITING, None)
    assert found is not None
    assert (found.action, found.after) == (AuditAction.CHANGE_PRICES, None)


def describe_prices(terms: Any, last: AuditedChange | None, place: int) -> AuditedChange | None:
    setting = AuditedSetting(CONTRACTED_PRICES, AuditAction.CHANGE_CONTRACTED_PRICES, [], terms)
    return describe_setting_change(setting, last, place, NOON)


def test_a_setting_is_recorded_once_for_each_change() -> None:
    terms = [{"model": "anthropic.*", "discount_percent": "7.5"}]
    assert describe_prices([], None, 0) is None
    first = describe_prices(terms, None, 0)
    assert first is not None
    assert (first.before, first.after, first.changed_by) == ([], terms, "meter:deployment")
    assert describe_prices(terms, first, 1) is None
    withdrawn = describe_prices([], first, 1)
    assert withdrawn is not None
    assert (withdrawn.before, withdrawn.after) == (terms, [])
    again = describe_prices(terms, withdrawn, 2)
    assert again is not None
    assert len({first.source, withdrawn.source, again.source}) == 3
    assert replace(again, source=first.source) == first
