"""Each call has one project, department and use case, from the first source that has it."""

from collections import Counter
from datetime import datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.attribution import (
    UNATTRIBUTED,
    Attribution,
    AttributionPattern,
    AttributionRules,
    AttributionSource,
    TagFacts,
    TagHistory,
    TagObservation,
    TrustedPrincipal,
    TrustedProfile,
)
from lambdas.domain.attribution.labels import MAX_LABEL_LENGTH
from lambdas.domain.attribution.precedence import attribute
from lambdas.domain.attribution.tags import Tags
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.invocations.request_metadata import RequestMetadata, read_metadata
from tests.builders import BEN, HAIKU_3, NOON, SONNET_4, usage_record, usage_records
from tests.unit.invocations.records import any_text, json_values

ACCOUNT = "111122223333"
PROFILE = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:application-inference-profile/p24qm5pye2qr"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/chat"
LONG_AGO = NOON - timedelta(days=365)
DAY = timedelta(days=1)

NOTHING = AttributionRules()
ANA_IS_TRUSTED = TrustedPrincipal(
    account_id=ACCOUNT, principal="role/chat", effective_from=LONG_AGO
)


def history(*tags: Tags, since: datetime = LONG_AGO, model_id: str | None = None) -> TagHistory:
    """Tags that change every day."""
    observations = (
        TagObservation(since + number * DAY, observed) for number, observed in enumerate(tags)
    )
    return TagHistory(tuple(observations), model_id)


def pattern(**fields: Any) -> AttributionPattern:
    given: dict[str, Any] = {"effective_from": LONG_AGO, "account_id": ACCOUNT}
    return AttributionPattern(**(given | fields))


def project(name: str) -> Tags:
    return (("project", name),)


def call(**changes: Any) -> UsageRecord:
    """Ana's call of an application inference profile, with request metadata."""
    fields: dict[str, Any] = {
        "model_id": "application-inference-profile/p24qm5pye2qr",
        "invoked_model_id": PROFILE,
        "request_metadata": project("of metadata"),
    }
    return usage_record(**(fields | changes))


EACH_SOURCE = {
    AttributionSource.INFERENCE_PROFILE: "of profile",
    AttributionSource.REQUEST_METADATA: "of metadata",
    AttributionSource.PRINCIPAL: "of principal",
    AttributionSource.PATTERN: "of pattern",
}


def attribute_from(
    present: set[AttributionSource], record: UsageRecord | None = None
) -> Attribution:
    """Attribute a call with a project from these sources."""
    histories = {}
    if AttributionSource.INFERENCE_PROFILE in present:
        histories[PROFILE] = history(project("of profile"))
    if AttributionSource.PRINCIPAL in present:
        histories[ROLE] = history(project("of principal"))
    rules = AttributionRules(
        trusted_principals=(ANA_IS_TRUSTED,)
        if AttributionSource.REQUEST_METADATA in present
        else (),
        patterns=(pattern(project="of pattern"),) if AttributionSource.PATTERN in present else (),
    )
    return attribute(record or call(), TagFacts(histories), rules)


# The order of precedence.


@pytest.mark.parametrize("are_present", [*product([False, True], repeat=len(EACH_SOURCE))])
def test_the_first_source_with_a_project_decides(are_present: tuple[bool, ...]) -> None:
    present = {
        source for source, is_there in zip(EACH_SOURCE, are_present, strict=True) if is_there
    }
    attribution = attribute_from(present)
    first = next(
        (source for source in EACH_SOURCE if source in present), AttributionSource.UNATTRIBUTED
    )
    assert attribution.source is first
    assert attribution.project == EACH_SOURCE.get(first, UNATTRIBUTED)


def test_each_label_comes_from_the_first_source_that_has_it() -> None:
    facts = TagFacts(
        {
            PROFILE: history((("project", "search"), ("use_case", " "))),
            ROLE: history((("department", "sales"), ("project", "other"))),
        }
    )
    rules = AttributionRules(
        patterns=(pattern(department="other"), pattern(use_case="chat", project="other"))
    )
    assert attribute(call(request_metadata=()), facts, rules) == Attribution(
        "search", "sales", "chat", AttributionSource.INFERENCE_PROFILE, is_disputed=True
    )


def test_a_call_without_any_source_is_unattributed() -> None:
    assert attribute(usage_record(), TagFacts(), NOTHING) == Attribution(
        UNATTRIBUTED, UNATTRIBUTED, UNATTRIBUTED, AttributionSource.UNATTRIBUTED
    )


@pytest.mark.parametrize("claim", [UNATTRIBUTED, "Unattributed", "__other__", "", "  "])
def test_an_invalid_tag_leaves_the_label_to_the_next_source(claim: str) -> None:
    facts = TagFacts({PROFILE: history(project(claim)), ROLE: history(project("search"))})
    attribution = attribute(call(request_metadata=()), facts, NOTHING)
    assert (attribution.project, attribution.source) == ("search", AttributionSource.PRINCIPAL)


def test_the_first_matching_pattern_gives_the_label() -> None:
    patterns = (
        pattern(principal="role/other", project="not hers"),
        pattern(principal="role/chat", session_name="ana@*", project="search"),
        pattern(project="everybody's", use_case="chat"),
    )
    attribution = attribute(usage_record(), TagFacts(), AttributionRules(patterns=patterns))
    assert attribution == Attribution("search", UNATTRIBUTED, "chat", AttributionSource.PATTERN)


def test_a_pattern_matches_the_model_behind_a_profile() -> None:
    rules = AttributionRules(patterns=(pattern(model_id=SONNET_4, project="search"),))
    known = TagFacts({PROFILE: history((), model_id=SONNET_4)})
    assert attribute(call(), known, rules).project == "search"
    assert attribute(call(), TagFacts(), rules).project == UNATTRIBUTED


def test_failed_calls_are_attributed_like_others() -> None:
    failed = call(error_code="ThrottlingException")
    assert attribute_from({*EACH_SOURCE}, failed) == attribute_from({*EACH_SOURCE})


# Changes over time.


def test_a_changed_tag_does_not_change_earlier_calls() -> None:
    facts = TagFacts({PROFILE: history(project("old"), project("new"), since=NOON)})
    times = [NOON - DAY, NOON, NOON + DAY - timedelta(seconds=1), NOON + DAY, NOON + 2 * DAY]
    projects = [attribute(call(timestamp=when), facts, NOTHING).project for when in times]
    assert projects == ["old", "old", "old", "new", "new"]


def test_a_pattern_applies_only_to_calls_of_its_period() -> None:
    patterns = (
        pattern(project="old", effective_until=NOON),
        pattern(project="new", effective_from=NOON, effective_until=NOON + DAY),
    )
    rules = AttributionRules(patterns=patterns)
    times = [NOON - DAY, NOON - timedelta(seconds=1), NOON, NOON + DAY]
    projects = [attribute(call(timestamp=time), TagFacts(), rules).project for time in times]
    assert projects == ["old", "old", "new", UNATTRIBUTED]


def test_trust_starts_at_its_effective_date() -> None:
    trusted = TrustedPrincipal(account_id=ACCOUNT, principal="role/chat", effective_from=NOON)
    rules = AttributionRules(trusted_principals=(trusted,))
    before, after = (
        attribute(call(timestamp=when), TagFacts(), rules) for when in (NOON - DAY, NOON)
    )
    assert (before.source, before.is_forged) == (AttributionSource.UNATTRIBUTED, True)
    assert (after.source, after.is_forged) == (AttributionSource.REQUEST_METADATA, False)


names = st.sampled_from(["a", "b", "c"])
days = st.integers(-5, 5).map(lambda number: NOON + number * DAY)
tags = st.sampled_from([(), *map(project, "abc")])


@given(days, st.lists(tags, max_size=5), names, tags, usage_records)
def test_later_changes_do_not_change_earlier_calls(
    today: datetime, before: list[Tags], name: str, later: Tags, record: UsageRecord
) -> None:
    known = TagHistory().observed(today - 10 * DAY, ())
    for number, tags_before in enumerate(before):
        known = known.observed(today - (9 - number) * DAY, tags_before)
    tomorrow = today + DAY
    yesterdays = record._replace(timestamp=today - DAY, request_metadata=project("claim"))
    trusted = TrustedPrincipal(account_id=ACCOUNT, principal="role/chat", effective_from=tomorrow)
    changed = AttributionRules(
        trusted_principals=(trusted, TrustedPrincipal(**_ben(tomorrow))),
        patterns=(pattern(project=name, effective_from=tomorrow),),
    )
    facts = TagFacts({ROLE: known.observed(tomorrow, later)})
    assert attribute(yesterdays, TagFacts({ROLE: known}), NOTHING) == attribute(
        yesterdays, facts, changed
    )


def _ben(since: datetime) -> dict[str, Any]:
    return {"account_id": ACCOUNT, "principal": "user/ben", "effective_from": since}


# Forgery.


@pytest.mark.parametrize(
    "identity_arn",
    [
        BEN,
        f"arn:aws:sts::{ACCOUNT}:assumed-role/other/role-chat",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/other/chat",
        "arn:aws:sts::444455556666:assumed-role/chat/ana@example.com",
        "role/chat",
        "unknown",
    ],
)
def test_metadata_of_an_untrusted_caller_changes_nothing_and_is_reported(identity_arn: str) -> None:
    rules = AttributionRules(trusted_principals=(ANA_IS_TRUSTED,))
    honest = call(identity_arn=identity_arn, request_metadata=())
    forger = honest._replace(request_metadata=project("another project's"))
    expected = attribute(honest, TagFacts(), rules)
    assert not expected.is_forged
    assert attribute(forger, TagFacts(), rules) == expected._replace(is_forged=True)


def test_metadata_without_a_label_is_not_a_forgery() -> None:
    record = usage_record(request_metadata=(("Project", "a"), ("trace", "b")))
    assert not attribute(record, TagFacts(), NOTHING).is_forged


def test_a_forgery_is_reported_even_if_a_tag_decides() -> None:
    forged = attribute_from({AttributionSource.INFERENCE_PROFILE})
    assert (forged.source, forged.is_forged) == (AttributionSource.INFERENCE_PROFILE, True)
    assert not attribute_from(
        {AttributionSource.INFERENCE_PROFILE, AttributionSource.REQUEST_METADATA}
    ).is_forged


hostile_names = st.sampled_from(["project", "department", "use_case", "__proto__"]) | any_text
metadata = st.dictionaries(hostile_names, any_text, max_size=20).map(read_metadata)
present_sources = st.sets(
    st.sampled_from([source for source in EACH_SOURCE if source != "request_metadata"])
)


@given(metadata, present_sources)
def test_no_metadata_of_an_untrusted_caller_changes_a_label(
    claim: RequestMetadata, present: set[AttributionSource]
) -> None:
    honest = attribute_from(present, call(request_metadata=()))
    forged = attribute_from(present, call(request_metadata=claim))
    names_a_label = not {"project", "department", "use_case"}.isdisjoint(dict(claim))
    assert forged == honest._replace(is_forged=names_a_label)


# Any input.


@given(
    st.dictionaries(
        hostile_names, any_text | json_values() | st.just("x" * 10_000), max_size=20
    ).map(read_metadata)
)
def test_labels_of_hostile_metadata_are_bounded_and_can_be_stored(claim: RequestMetadata) -> None:
    attribution = attribute_from({AttributionSource.REQUEST_METADATA}, call(request_metadata=claim))
    for label in (attribution.project, attribution.department, attribution.use_case):
        assert 0 < len(label) <= MAX_LABEL_LENGTH
        assert label.isprintable()
        label.encode()


def test_a_thousand_pairs_are_limited_to_sixteen() -> None:
    claim = read_metadata({f"{number:04}": "x" for number in range(1000)} | {"project": "late"})
    attribution = attribute_from({AttributionSource.REQUEST_METADATA}, call(request_metadata=claim))
    assert len(claim) == 16
    assert attribution.project == UNATTRIBUTED


@given(
    st.lists(usage_records, max_size=20),
    st.dictionaries(st.sampled_from([PROFILE, ROLE]), tags.map(history)),
    st.booleans(),
)
def test_the_projects_add_up_to_the_account(
    records: list[UsageRecord], histories: dict[str, TagHistory], is_trusted: bool
) -> None:
    rules = AttributionRules(
        trusted_principals=(ANA_IS_TRUSTED,) if is_trusted else (),
        patterns=(pattern(model_id=HAIKU_3, project="a"),),
    )
    tokens: Counter[str] = Counter()
    for record in records:
        attribution = attribute(record, TagFacts(histories), rules)
        assert attribution == attribute(record, TagFacts(histories), rules)
        assert (attribution.project == UNATTRIBUTED) == (
            attribution.source is AttributionSource.UNATTRIBUTED
        )
        tokens[attribution.project] += record.tokens.total or 0
    assert tokens.total() == sum(record.tokens.total or 0 for record in records)


def test_a_caller_of_unknown_form_is_attributed_by_its_profile() -> None:
    record = call(identity_arn="<redacted>", request_metadata=())
    assert attribute_from({AttributionSource.INFERENCE_PROFILE}, record).project == "of profile"


# Profiles with another project than the caller's tags.

OTHER_PROJECT = TagFacts({PROFILE: history(project("victim")), ROLE: history(project("own"))})


def test_a_profile_of_another_project_decides_and_is_counted() -> None:
    attribution = attribute(call(request_metadata=()), OTHER_PROJECT, NOTHING)
    assert (attribution.project, attribution.is_disputed) == ("victim", True)


@pytest.mark.parametrize(
    "facts",
    [
        TagFacts({PROFILE: history(project("own")), ROLE: history(project("own"))}),
        TagFacts({PROFILE: history(project("victim"))}),
        TagFacts({ROLE: history(project("own"))}),
        TagFacts({PROFILE: history((("department", "a"),)), ROLE: history(project("own"))}),
    ],
)
def test_attribution_is_disputed_only_between_different_projects(facts: TagFacts) -> None:
    assert not attribute(call(request_metadata=()), facts, NOTHING).is_disputed


def test_only_application_profiles_are_disputed() -> None:
    direct = call(request_metadata=(), invoked_model_id=SONNET_4, model_id=SONNET_4)
    assert not attribute(direct, OTHER_PROJECT, NOTHING).is_disputed


def test_a_setting_lets_the_caller_s_tags_decide_from_its_date() -> None:
    rules = AttributionRules(own_tags_first_from=NOON)
    before, after = (
        attribute(call(request_metadata=(), timestamp=when), OTHER_PROJECT, rules)
        for when in (NOON - timedelta(seconds=1), NOON)
    )
    assert (before.project, before.source) == ("victim", AttributionSource.INFERENCE_PROFILE)
    assert (after.project, after.source) == ("own", AttributionSource.PRINCIPAL)
    assert (before.is_disputed, after.is_disputed) == (True, True)


def test_caller_tags_without_a_project_decide_nothing() -> None:
    facts = TagFacts({PROFILE: history(project("search"))})
    rules = AttributionRules(own_tags_first_from=LONG_AGO)
    assert attribute(call(request_metadata=()), facts, rules).project == "search"


@pytest.mark.parametrize("trusted", [PROFILE, f"{PROFILE[:-4]}*"])
def test_a_trusted_profile_may_name_another_project(trusted: str) -> None:
    rule = TrustedProfile(profile=trusted, effective_from=NOON)
    rules = AttributionRules(trusted_profiles=(rule,), own_tags_first_from=LONG_AGO)
    before, after = (
        attribute(call(request_metadata=(), timestamp=when), OTHER_PROJECT, rules)
        for when in (NOON - timedelta(seconds=1), NOON)
    )
    assert (before.project, before.is_disputed) == ("own", True)
    assert (after.project, after.is_disputed) == ("victim", False)
