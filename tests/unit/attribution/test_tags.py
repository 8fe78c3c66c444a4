"""Tags as they were at each time: later changes do not alter earlier times."""

import json
from datetime import datetime, timedelta
from functools import reduce
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.attribution import TagFacts, TagHistory, TagObservation, tagged_arns
from lambdas.domain.attribution.tags import (
    MAX_HISTORY_BYTES,
    MAX_TAG_VALUE_LENGTH,
    NO_TAGS,
    Tags,
    kept_tags,
    principal_arn,
    profile_arn,
)
from tests.builders import ANA, BEN, HAIKU_3, NOON, usage_record

PROFILE = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/p24qm5pye2qr"
HOUR = timedelta(hours=1)
SEARCH: Tags = (("project", "search"),)
CHAT: Tags = (("project", "chat"),)


def at(hours: float) -> datetime:
    return NOON + hours * HOUR


# Resources with tags.


@pytest.mark.parametrize(
    ("identity_arn", "arn"),
    [
        (ANA, "arn:aws:iam::111122223333:role/chat"),
        (BEN, "arn:aws:iam::111122223333:user/ben"),
        ("arn:aws:iam::111122223333:user/ops/eva", "arn:aws:iam::111122223333:user/eva"),
        (
            "arn:aws:iam::111122223333:user/BedrockAPIKey-a1b2",
            "arn:aws:iam::111122223333:user/BedrockAPIKey-a1b2",
        ),
        (
            "arn:aws-us-gov:sts::111122223333:assumed-role/AWSReservedSSO_Dev_0a1b/eva@example.com",
            "arn:aws-us-gov:iam::111122223333:role/AWSReservedSSO_Dev_0a1b",
        ),
    ],
)
def test_a_caller_has_the_tags_of_its_user_or_role(identity_arn: str, arn: str) -> None:
    assert principal_arn(identity_arn) == arn


@pytest.mark.parametrize(
    "identity_arn",
    [
        "unknown",
        "<redacted>",
        "arn:aws:iam::111122223333:root",
        "arn:aws:sts::111122223333:federated-user/eva",
        "arn:aws:sts::xxxx:assumed-role/chat/ana",
        "arn:aws:sts:::assumed-role/chat/ana",
        "arn:aws:sts::111122223333:assumed-role/ch\u00e4t/ana",
        "arn:aws:sts::111122223333:assumed-role/" + "x" * 129 + "/ana",
        "arn:aws:sts::111122223333:assumed-role/a b/ana",
    ],
)
def test_other_callers_have_no_tags(identity_arn: str) -> None:
    assert principal_arn(identity_arn) is None


@pytest.mark.parametrize(
    "invoked_model_id",
    [
        HAIKU_3,
        f"us.{HAIKU_3}",
        "p24qm5pye2qr",
        f"arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.{HAIKU_3}",
        "arn:aws:bedrock:us-east-1::application-inference-profile/p24qm5pye2qr",
        PROFILE + "/../x",
        PROFILE + "x" * 100,
        PROFILE + "\n",
    ],
)
def test_only_application_inference_profiles_have_tags(invoked_model_id: str) -> None:
    assert profile_arn(invoked_model_id) is None


def test_a_call_has_the_tags_of_its_profile_and_its_caller() -> None:
    assert tagged_arns(usage_record()) == ("arn:aws:iam::111122223333:role/chat",)
    assert tagged_arns(usage_record(invoked_model_id=PROFILE, identity_arn="unknown")) == (PROFILE,)


# Stored tags.


def test_tags_that_no_rule_uses_are_not_stored() -> None:
    tags = [("owner", "eva@example.com"), ("Project", "search"), ("use_case", "")]
    kept = kept_tags(tags, {"project", "department", "use_case"})
    assert kept == (("project", "search"), ("use_case", ""))


def test_the_first_of_several_spellings_of_a_name_is_used() -> None:
    tags = [("project", "c"), ("Project", "b"), ("PROJECT", "a")]
    assert kept_tags(tags, {"project"}) == kept_tags(tags[::-1], {"project"}) == (("project", "a"),)


def test_an_overlong_value_is_truncated() -> None:
    assert kept_tags([("a", "x" * 10_000)], {"a"}) == (("a", "x" * MAX_TAG_VALUE_LENGTH),)


# Tags at a time.


def test_a_call_has_the_tags_in_effect_at_its_time() -> None:
    history = TagHistory().observed(at(0), SEARCH).observed(at(2), CHAT).observed(at(4), NO_TAGS)
    tags = [history.tags_at(at(hours)) for hours in (0, 1, 2, 3, 4, 5)]
    assert tags == [SEARCH, SEARCH, CHAT, CHAT, NO_TAGS, NO_TAGS]
    assert history.latest_tags == NO_TAGS


def test_the_first_observation_applies_to_earlier_times() -> None:
    assert TagHistory().observed(at(0), SEARCH).tags_at(at(-1000)) == SEARCH
    assert TagHistory().tags_at(at(0)) == TagHistory().latest_tags == NO_TAGS


def test_an_observation_without_changes_is_not_stored() -> None:
    history = TagHistory().observed(at(0), SEARCH)
    assert history.observed(at(1), SEARCH) == history


@pytest.mark.parametrize("hours", [-1, 0])
def test_an_observation_by_a_slow_clock_is_ignored(hours: int) -> None:
    history = TagHistory().observed(at(0), SEARCH)
    assert history.observed(at(hours), CHAT) == history


def test_a_model_that_is_known_stays_known() -> None:
    history = TagHistory().with_model(HAIKU_3).observed(at(0), SEARCH).with_model(None)
    assert history == TagHistory((TagObservation(at(0), SEARCH),), HAIKU_3)


MANY_LARGE_TAGS = 6
"""The number of observations of large tags that fit beside one without tags."""


def large(project: str) -> Tags:
    return (
        ("project", project),
        ("use_case", "\u00fc" * (MAX_HISTORY_BYTES // 2 // MANY_LARGE_TAGS - 60)),
    )


def measure_size(history: TagHistory) -> int:
    kept = [[since.isoformat(), tags] for since, tags in history.observations]
    return len(json.dumps(kept, ensure_ascii=False).encode())


def test_a_history_is_bounded_and_keeps_the_newest_observations() -> None:
    history = TagHistory()
    for hours in range(2 * MANY_LARGE_TAGS):
        history = history.observed(at(hours), large(str(hours)))
        assert measure_size(history) <= MAX_HISTORY_BYTES
    kept = range(MANY_LARGE_TAGS, 2 * MANY_LARGE_TAGS)
    assert [history.tags_at(at(hours)) for hours in kept] == [large(str(hours)) for hours in kept]
    assert history.tags_at(at(MANY_LARGE_TAGS - 1)) == NO_TAGS


def test_hourly_tag_changes_for_months_fit_into_a_history() -> None:
    months = range(4000)
    observed = (TagObservation(at(month), (("project", f"project-{month}"),)) for month in months)
    history = TagHistory(tuple(observed)).observed(at(len(months)), SEARCH)
    assert history.tags_at(at(0)) == (("project", "project-0"),)
    assert len(history.observations) == len(months) + 1


def test_tags_before_the_stored_history_are_unknown() -> None:
    history = TagHistory()
    for hours in range(MANY_LARGE_TAGS):
        history = history.observed(at(hours), large(str(hours)))
    assert history.tags_at(at(-1)) == large("0")
    history = history.observed(at(MANY_LARGE_TAGS), large("last"))
    assert [history.tags_at(at(hours)) for hours in (-1, 0)] == [NO_TAGS] * 2
    assert history.tags_at(at(1)) == large("1")


@pytest.mark.parametrize("over", range(0, 60, 10))
def test_a_history_may_fill_its_size_limit_exactly(over: int) -> None:
    """The mark that nothing earlier is known takes bytes too."""

    def history(filling: str) -> TagHistory:
        looks = enumerate((SEARCH, (("project", filling),), SEARCH))
        return reduce(lambda known, look: known.observed(at(look[0]), look[1]), looks, TagHistory())

    full = history("x" * (MAX_HISTORY_BYTES - measure_size(history("")) + over))
    assert (full.tags_at(at(0)) == SEARCH) == (over == 0)
    assert measure_size(full) <= MAX_HISTORY_BYTES


def test_a_truncated_history_has_one_leading_observation_without_tags() -> None:
    history = TagHistory().observed(at(0), large("0")).observed(at(1), NO_TAGS)
    for hours in range(2, MANY_LARGE_TAGS + 2):
        history = history.observed(at(hours), large(str(hours)))
    assert [observation.tags for observation in history.observations[:2]] == [NO_TAGS, large("2")]


some_tags = st.sampled_from([NO_TAGS, SEARCH, CHAT])
looks = st.lists(st.tuples(st.integers(0, 100).map(at), some_tags), max_size=12)


@given(looks, st.integers(0, 100), st.lists(some_tags, max_size=3))
def test_later_observations_do_not_change_earlier_tags(
    earlier: list[tuple[datetime, Tags]], hours: int, later: list[Tags]
) -> None:
    history = TagHistory().observed(at(0), NO_TAGS)
    for when, tags in earlier:
        history = history.observed(when, tags)
    longer = history
    for number, tags in enumerate(later):
        longer = longer.observed(at(101 + number), tags)
    assert longer.tags_at(at(hours)) == history.tags_at(at(hours))


many_looks = st.lists(st.integers(1, 5), min_size=1, max_size=3 * MANY_LARGE_TAGS)
small_or_large = some_tags | st.sampled_from([large("search"), large("chat")])


@given(many_looks, st.lists(small_or_large, min_size=1), st.integers(0, 60))
def test_no_time_gets_tags_that_it_did_not_have(
    pauses: list[int], tags: list[Tags], hours: int
) -> None:
    history, now, known = TagHistory(), 0, [NO_TAGS]
    for number, pause in enumerate(pauses):
        now += pause
        history = history.observed(at(now), tags[number % len(tags)])
        if now > hours:
            known.append(history.tags_at(at(hours)))
        assert measure_size(history) <= MAX_HISTORY_BYTES
    answers = [answer for answer in known if answer != NO_TAGS]
    assert len(set(answers)) <= 1


@given(looks)
def test_observations_are_in_order_and_each_differs_from_the_one_before(
    observed: list[tuple[datetime, Tags]],
) -> None:
    history = TagHistory()
    for when, tags in observed:
        history = history.observed(when, tags)
    kept = history.observations
    assert list(kept) == sorted(kept, key=lambda observation: observation.observed_from)
    assert all(one.tags != next_one.tags for one, next_one in pairwise(kept))


# Facts.


def test_facts_include_the_model_behind_a_profile() -> None:
    record = usage_record(
        model_id="application-inference-profile/p24qm5pye2qr", invoked_model_id=PROFILE
    )
    facts = TagFacts({PROFILE: TagHistory(model_id=HAIKU_3)})
    assert facts.get_model_id(record) == HAIKU_3
    assert TagFacts().get_model_id(record) == record.model_id
    assert TagFacts({PROFILE: TagHistory()}).get_model_id(record) == record.model_id
    assert facts.get_model_id(usage_record()) == HAIKU_3


def test_facts_include_the_tags_of_known_resources() -> None:
    facts = TagFacts({PROFILE: TagHistory((TagObservation(at(0), SEARCH),))})
    assert facts.tags_at(PROFILE, at(1)) == SEARCH
    assert facts.tags_at("another", at(1)) == facts.tags_at(None, at(1)) == NO_TAGS
