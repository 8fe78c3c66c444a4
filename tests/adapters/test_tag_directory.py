"""The contract of the tag directory, run on each store of tags."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.adapters.dynamodb.tag_cache import DynamoDbTagCache
from lambdas.domain.attribution import LabelNames, TagDirectory, TagFacts, TagHistory
from lambdas.domain.attribution.ports import FoundTags, TagCache, TagEntry
from lambdas.domain.attribution.tags import (
    MAX_TAG_NAME_LENGTH,
    MAX_TAG_VALUE_LENGTH,
    NO_TAGS,
    kept_tags,
)
from tests.aws import STATE
from tests.builders import HAIKU_3, NOON
from tests.fakes import InMemoryTagCache, InMemoryTagSource

ROLE = "arn:aws:iam::111122223333:role/chat"
USER = "arn:aws:iam::111122223333:user/ben"
PROFILE = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/p24qm5pye2qr"
MINUTE = timedelta(minutes=1)
MAX_ITEM_BYTES = 400 * 2**10


@pytest.fixture(params=["in memory", "dynamodb"])
def cache(request: pytest.FixtureRequest) -> TagCache:
    if request.param == "in memory":
        return InMemoryTagCache()
    request.getfixturevalue("aws")
    return DynamoDbTagCache(boto3.client("dynamodb"), STATE)


@pytest.fixture
def source() -> InMemoryTagSource:
    return InMemoryTagSource()


class Directory:
    """A directory with a clock in minutes, opened for each lookup or kept open."""

    def __init__(self, cache: TagCache, source: InMemoryTagSource, *, is_stored: bool) -> None:
        self._cache = cache
        self._source = source
        self._is_kept = is_stored
        self.reported: list[str] = []
        self.names = LabelNames()
        self.seconds_of_a_question = 0.0
        self._directory = self._open()

    def _open(self) -> TagDirectory:
        return TagDirectory(
            self._cache, self._source, self.names, self.reported.append, self._seconds
        )

    def _seconds(self) -> float:
        return len(self._source.asked) * self.seconds_of_a_question

    def renamed(self, *names: str) -> Directory:
        """The directory of a later deployment with other names of the project tag."""
        self.names = LabelNames(project=names)
        self._directory = self._open()
        return self

    def look_up(self, minutes: float, *arns: str) -> TagFacts:
        if not self._is_kept:
            self._directory = self._open()
        return self._directory.look_up(arns, NOON + minutes * MINUTE)

    def project(self, minutes: float, arn: str = ROLE) -> str | None:
        now = NOON + minutes * MINUTE
        return dict(self.look_up(minutes, arn).tags_at(arn, now)).get("project")


@pytest.fixture(params=["one process", "a new process each time"])
def directory(
    request: pytest.FixtureRequest, cache: TagCache, source: InMemoryTagSource
) -> Directory:
    return Directory(cache, source, is_stored=request.param == "one process")


def tagged(project: str, model_id: str | None = None) -> FoundTags:
    return FoundTags([("Project", project), ("owner", "eva")], model_id)


def test_tags_are_looked_up_once_an_hour(directory: Directory, source: InMemoryTagSource) -> None:
    source.found[ROLE] = tagged("search")
    assert [directory.project(minutes) for minutes in (0, 1, 59)] == ["search"] * 3
    assert source.asked == [ROLE]
    source.found[ROLE] = tagged("chat")
    assert [directory.project(minutes) for minutes in (59.9, 60, 61)] == ["search", "chat", "chat"]
    assert source.asked == [ROLE, ROLE]


def test_a_resource_without_tags_is_looked_up_again_sooner(
    directory: Directory, source: InMemoryTagSource
) -> None:
    assert [directory.project(minutes) for minutes in (0, 1, 14)] == [None] * 3
    assert source.asked == [ROLE]
    source.found[ROLE] = FoundTags([("owner", "eva")])
    assert [directory.project(minutes) for minutes in (15, 29)] == [None] * 2
    source.found[ROLE] = tagged("search")
    assert directory.project(30) == "search"
    assert len(source.asked) == 3


def test_changed_tags_do_not_apply_to_earlier_calls(
    directory: Directory, source: InMemoryTagSource
) -> None:
    for minutes, project in ((0, "search"), (60, "search"), (120, "chat")):
        source.found[ROLE] = tagged(project)
        facts = directory.look_up(minutes, ROLE)
    assert len(facts.histories[ROLE].observations) == 2
    assert facts.tags_at(ROLE, NOON - MINUTE) == (("project", "search"),)
    assert facts.tags_at(ROLE, NOON + 119 * MINUTE) == (("project", "search"),)
    assert facts.tags_at(ROLE, NOON + 120 * MINUTE) == (("project", "chat"),)


@pytest.mark.parametrize("looks", [[60], [61], [60, 90, 119], [7 * 24 * 60]])
def test_new_tags_apply_from_the_expiry_of_the_old_answer(
    directory: Directory, source: InMemoryTagSource, looks: list[int]
) -> None:
    source.found[ROLE] = tagged("search")
    directory.look_up(0, ROLE)
    source.found[ROLE] = tagged("chat")
    for minutes in looks:
        facts = directory.look_up(minutes, ROLE)
    assert facts.tags_at(ROLE, NOON + 59.9 * MINUTE) == (("project", "search"),)
    assert facts.tags_at(ROLE, NOON + 60 * MINUTE) == (("project", "chat"),)


def test_first_tags_apply_from_the_expiry_of_the_untagged_answer(
    directory: Directory, source: InMemoryTagSource
) -> None:
    source.found[ROLE] = FoundTags([])
    directory.look_up(0, ROLE)
    source.found[ROLE] = tagged("search")
    facts = directory.look_up(600, ROLE)
    assert facts.tags_at(ROLE, NOON + 14.9 * MINUTE) == ()
    assert facts.tags_at(ROLE, NOON + 15 * MINUTE) == (("project", "search"),)


some_projects = st.sampled_from(["a", "b", "c"])


@given(st.lists(st.tuples(st.integers(1, 300), some_projects), min_size=1), st.integers(0, 3000))
def test_later_lookups_never_change_earlier_answers(
    looks: list[tuple[int, str]], asked: int
) -> None:
    source = InMemoryTagSource()
    directory = Directory(InMemoryTagCache(), source, is_stored=False)
    now, answers = 0, set[object]()
    for pause, project in looks:
        source.found[ROLE] = tagged(project)
        now += pause
        facts = directory.look_up(now, ROLE)
        if asked <= now:
            answers.add(facts.tags_at(ROLE, NOON + asked * MINUTE))
    assert len(answers) <= 1


def test_a_newly_configured_tag_name_is_looked_up_at_once(
    directory: Directory, source: InMemoryTagSource
) -> None:
    source.found[ROLE] = FoundTags([("project", "search"), ("cost-center", "c1")])
    assert directory.project(0) == "search"
    directory.renamed("cost-center")
    facts = directory.look_up(1, ROLE)
    assert facts.tags_at(ROLE, NOON + MINUTE) == (("cost-center", "c1"),)
    assert facts.tags_at(ROLE, NOON) == (("project", "search"),)
    directory.look_up(2, ROLE)
    directory.renamed("cost-center", "Project").look_up(3, ROLE)
    directory.renamed("project").look_up(4, ROLE)
    assert len(source.asked) == 3


@pytest.mark.parametrize("is_global", [False, True])
def test_a_deleted_profile_keeps_its_model(
    directory: Directory, source: InMemoryTagSource, *, is_global: bool
) -> None:
    source.found[PROFILE] = tagged("search", HAIKU_3)._replace(is_global=is_global)
    directory.look_up(0, PROFILE)
    del source.found[PROFILE]
    history = directory.look_up(60, PROFILE).histories[PROFILE]
    assert (history.model_id, history.is_global) == (HAIKU_3, is_global)
    assert history.latest_tags == (("project", "search"),)


def test_late_calls_of_a_deleted_role_keep_its_project(
    directory: Directory, source: InMemoryTagSource
) -> None:
    source.found[ROLE] = tagged("search")
    assert directory.project(0) == "search"
    del source.found[ROLE]
    assert [directory.project(minutes) for minutes in (60, 61, 119, 120)] == ["search"] * 4
    assert len(source.asked) == 3
    source.found[ROLE] = tagged("chat")
    facts = directory.look_up(200, ROLE)
    assert facts.tags_at(ROLE, NOON + 179 * MINUTE) == (("project", "search"),)
    assert facts.tags_at(ROLE, NOON + 180 * MINUTE) == (("project", "chat"),)


def test_first_tags_of_a_new_resource_apply_to_its_earlier_calls(
    directory: Directory, source: InMemoryTagSource
) -> None:
    assert [directory.project(minutes) for minutes in (0, 14)] == [None, None]
    assert source.asked == [ROLE]
    source.found[ROLE] = tagged("search")
    assert directory.look_up(15, ROLE).tags_at(ROLE, NOON) == (("project", "search"),)


def test_only_label_tags_are_stored(
    cache: TagCache, directory: Directory, source: InMemoryTagSource
) -> None:
    source.found[ROLE] = tagged("search")
    directory.look_up(0, ROLE)
    entry = cache.load(ROLE)
    assert entry is not None
    assert entry.history.latest_tags == (("project", "search"),)


def test_a_denied_lookup_is_reported_once_and_retried_later(
    directory: Directory, source: InMemoryTagSource
) -> None:
    source.denied = {ROLE, USER}
    facts = directory.look_up(0, ROLE, USER)
    assert facts == TagFacts({ROLE: TagHistory(), USER: TagHistory()})
    assert directory.reported == ["iam:ListRoleTags is denied"]
    directory.look_up(14, ROLE, USER)
    assert source.asked == [ROLE, USER]
    source.denied.clear()
    source.found[ROLE] = tagged("search")
    assert directory.project(15) == "search"


def test_a_permission_granted_later_covers_earlier_calls(
    directory: Directory, source: InMemoryTagSource
) -> None:
    source.denied = {ROLE}
    directory.look_up(0, ROLE)
    source.denied.clear()
    source.found[ROLE] = tagged("search")
    assert directory.look_up(15, ROLE).tags_at(ROLE, NOON) == (("project", "search"),)


def test_a_revoked_permission_leaves_known_tags(
    directory: Directory, source: InMemoryTagSource
) -> None:
    source.found[ROLE] = tagged("search")
    directory.look_up(0, ROLE)
    source.denied = {ROLE}
    assert [directory.project(minutes) for minutes in (60, 61, 120)] == ["search"] * 3
    assert len(source.asked) == 3


def test_known_tags_are_used_while_aws_is_busy_and_others_are_unavailable(
    directory: Directory, source: InMemoryTagSource
) -> None:
    source.found[ROLE] = tagged("search")
    directory.look_up(0, ROLE)
    source.busy = {"iam"}
    facts = directory.look_up(60, ROLE, USER)
    assert facts.tags_at(ROLE, NOON + 60 * MINUTE) == (("project", "search"),)
    assert facts.unavailable == {USER}
    source.busy.clear()
    source.found[USER] = tagged("chat")
    facts = directory.look_up(61, ROLE, USER)
    assert facts.unavailable == frozenset()
    assert directory.project(61, USER) == "chat"


def test_a_busy_service_is_asked_once_a_minute(cache: TagCache, source: InMemoryTagSource) -> None:
    directory = Directory(cache, source, is_stored=True)
    source.busy = {"iam"}
    for minutes in (0, 0.5, 0.9):
        assert directory.look_up(minutes, ROLE, USER).unavailable == {ROLE, USER}
    assert source.asked == [ROLE]
    assert directory.reported == ["iam:ListRoleTags failed: Throttling"]
    directory.look_up(1, ROLE)
    assert source.asked == [ROLE, ROLE]
    assert len(directory.reported) == 2


def test_a_busy_service_does_not_block_lookups_in_the_other(
    cache: TagCache, source: InMemoryTagSource
) -> None:
    directory = Directory(cache, source, is_stored=True)
    source.busy = {"bedrock"}
    source.found[ROLE] = tagged("search")
    facts = directory.look_up(0, PROFILE, ROLE)
    assert source.asked == [PROFILE, ROLE]
    assert facts.unavailable == {PROFILE}
    assert facts.tags_at(ROLE, NOON) == (("project", "search"),)


def test_a_failed_lookup_does_not_block_other_resources(
    cache: TagCache, source: InMemoryTagSource
) -> None:
    directory = Directory(cache, source, is_stored=True)
    source.failing = {ROLE}
    for minutes in (0, 0.9):
        assert directory.look_up(minutes, ROLE, USER).unavailable == {ROLE}
    assert source.asked == [ROLE, USER]
    assert directory.reported == [f"{ROLE}: iam:ListRoleTags failed: InvalidInput"]
    directory.look_up(1, ROLE)
    assert source.asked == [ROLE, USER, ROLE]


def test_a_lookup_ends_in_time_and_the_next_one_continues(
    directory: Directory, source: InMemoryTagSource
) -> None:
    directory.seconds_of_a_question = 8
    arns = [f"arn:aws:iam::111122223333:role/{number}" for number in range(5)]
    assert directory.look_up(0, *arns).unavailable == {*arns[3:]}
    assert directory.look_up(0.1, *arns).unavailable == frozenset()
    assert source.asked == arns


def test_a_run_of_many_lookups_ends_in_time_for_any_roles(
    source: InMemoryTagSource,
) -> None:
    directory = Directory(InMemoryTagCache(), source, is_stored=True)
    source.found[ROLE] = tagged("search")
    assert directory.project(0) == "search"
    directory.seconds_of_a_question = 5
    forged = [f"arn:aws:iam::111122223333:role/forged-{number}" for number in range(100)]
    for first in range(0, 100, 2):  # pages of a report
        directory.look_up(60, *forged[first : first + 2])
    assert len(source.asked) == 1 + 120 / 5
    assert directory.project(60) == "search"
    assert len(source.asked) == 1 + 120 / 5
    directory.look_up(61, *forged[-2:])
    assert source.asked[-2:] == forged[-2:]


def test_known_tags_are_used_when_there_is_no_time_to_refresh(
    directory: Directory, source: InMemoryTagSource
) -> None:
    source.found |= {ROLE: tagged("search"), USER: tagged("chat")}
    directory.look_up(0, ROLE, USER)
    directory.seconds_of_a_question = 100
    facts = directory.look_up(60, ROLE, USER)
    assert facts.tags_at(USER, NOON + 60 * MINUTE) == (("project", "chat"),)
    assert source.asked == [ROLE, USER, ROLE]


def test_many_entries_are_loaded_in_one_request(cache: TagCache) -> None:
    arns = [f"arn:aws:iam::111122223333:role/{number}" for number in range(250)]
    entry = TagEntry(TagHistory(), NOON)
    for arn in arns[::100]:
        cache.save(arn, entry, None)
    loaded = cache.load_all(arns)
    assert loaded == {arn: entry if arn in arns[::100] else None for arn in arns}
    assert cache.load_all([]) == {}


@pytest.mark.usefixtures("aws")
def test_entries_that_a_batch_left_out_are_loaded_individually(source: InMemoryTagSource) -> None:
    client = boto3.client("dynamodb")
    cache = DynamoDbTagCache(client, STATE)
    source.found |= {ROLE: tagged("search"), USER: tagged("chat")}
    Directory(cache, source, is_stored=True).look_up(0, ROLE, USER)

    def leave_over(parsed: dict[str, Any], **_: Any) -> None:
        (item,) = (each for each in parsed["Responses"][STATE] if ROLE in each["pk"]["S"])
        parsed["Responses"][STATE].remove(item)
        parsed["UnprocessedKeys"] = {STATE: {"Keys": [{"pk": item["pk"]}]}}

    client.meta.events.register("after-call.dynamodb.BatchGetItem", leave_over)
    assert cache.load_all([ROLE, USER]).keys() == {USER}
    later = Directory(cache, source, is_stored=True)
    assert later.look_up(1, ROLE, USER).tags_at(ROLE, NOON) == (("project", "search"),)
    assert source.asked == [ROLE, USER]


@pytest.mark.usefixtures("aws")
def test_a_report_takes_one_request_per_hundred_roles(source: InMemoryTagSource) -> None:
    client = boto3.client("dynamodb")
    requests: Counter[str] = Counter()
    client.meta.events.register(
        "provide-client-params.dynamodb", lambda model, **_: requests.update([model.name])
    )
    directory = Directory(DynamoDbTagCache(client, STATE), source, is_stored=True)
    directory.seconds_of_a_question = 1000
    directory.look_up(0, *(f"arn:aws:iam::111122223333:role/{number}" for number in range(1000)))
    assert requests == {"BatchGetItem": 10, "PutItem": 1}


def test_the_first_of_two_concurrent_lookups_wins(cache: TagCache) -> None:
    first = TagEntry(TagHistory().observed(NOON, (("project", "a"),)), NOON)
    second = TagEntry(TagHistory().observed(NOON + MINUTE, (("project", "b"),)), NOON + MINUTE)
    assert cache.load(ROLE) is None
    assert cache.save(ROLE, first, replaced=None) == first
    assert cache.save(ROLE, second, replaced=None) == first
    assert cache.load(ROLE) == first
    assert cache.save(ROLE, second, replaced=first) == second
    assert cache.save(ROLE, first, replaced=first) == second
    assert cache.load(ROLE) == second
    assert cache.load(USER) is None


def test_a_slow_clock_does_not_set_back_the_last_lookup(
    cache: TagCache, source: InMemoryTagSource
) -> None:
    directory = Directory(cache, source, is_stored=True)
    directory.look_up(10, ROLE)
    directory.renamed("cost-center").look_up(0, ROLE)
    entry = cache.load(ROLE)
    assert entry is not None
    assert (entry.checked_at, entry.names) == (NOON + 10 * MINUTE, directory.names.tag_names)


def test_no_resources_cause_no_request(directory: Directory, source: InMemoryTagSource) -> None:
    assert directory.look_up(0) == TagFacts()
    assert source.asked == []


def test_a_full_directory_evicts_entries_and_loads_them_again(
    source: InMemoryTagSource,
) -> None:
    cache = InMemoryTagCache()
    directory = Directory(cache, source, is_stored=True)
    arns = [f"arn:aws:iam::111122223333:role/{number}" for number in range(10_001)]
    directory.look_up(0, *arns)
    cache.loaded.clear()
    for minutes in (1, 2):
        directory.look_up(minutes, *arns[:2])
    assert cache.loaded == arns[:2]
    assert len(source.asked) == len(arns)


@pytest.mark.parametrize(("resources", "is_asked_again"), [(10_000, False), (10_001, True)])
def test_a_full_directory_evicts_entries_that_are_not_in_use(
    source: InMemoryTagSource, resources: int, *, is_asked_again: bool
) -> None:
    directory = Directory(InMemoryTagCache(), source, is_stored=True)
    arns = [f"arn:aws:iam::111122223333:role/{number}" for number in range(resources)]
    source.failing = set(arns)
    directory.look_up(0, *arns)
    source.asked.clear()
    directory.look_up(0.5, arns[0])
    assert source.asked == arns[:is_asked_again]


@pytest.mark.usefixtures("aws")
def test_an_entry_saved_by_another_process_is_loaded() -> None:
    """With eventually consistent reads, two processes could replace each other's history."""
    client = boto3.client("dynamodb")
    asked: list[dict[str, Any]] = []
    client.meta.events.register(
        "provide-client-params.dynamodb.GetItem", lambda params, **_: asked.append(params)
    )
    DynamoDbTagCache(client, STATE).load(ROLE)
    assert [parameters["ConsistentRead"] for parameters in asked] == [True]


@pytest.mark.usefixtures("aws")
def test_the_longest_history_is_stored_in_one_item_without_loss() -> None:
    cache = DynamoDbTagCache(boto3.client("dynamodb"), STATE)
    names = [f"{number}".rjust(MAX_TAG_NAME_LENGTH, "\U00020000") for number in range(9)]
    history = TagHistory(model_id=HAIKU_3)
    for number in range(40):
        value = f"{number}".rjust(MAX_TAG_VALUE_LENGTH, "\U00020000")
        tags = kept_tags([(name, value) for name in names], names)
        history = history.observed(NOON + number * MINUTE, tags)
    entry = TagEntry(history, NOON + timedelta(microseconds=5), frozenset(names))
    assert history.observations[0].tags == NO_TAGS  # the oldest are dropped
    assert cache.save(ROLE, entry, replaced=None) == entry
    assert cache.load(ROLE) == entry
    (item,) = boto3.client("dynamodb").scan(TableName=STATE)["Items"]
    sizes = (len(name) + len(str(*value.values()).encode()) for name, value in item.items())
    assert sum(sizes) < MAX_ITEM_BYTES


@pytest.mark.usefixtures("aws")
def test_entries_are_stored_as_long_as_calls() -> None:
    cache = DynamoDbTagCache(boto3.client("dynamodb"), STATE)
    cache.save(ROLE, TagEntry(TagHistory(), NOON), replaced=None)
    (item,) = boto3.client("dynamodb").scan(TableName=STATE)["Items"]
    assert item["pk"]["S"] == f"tags#{ROLE}"
    expires_at = datetime.fromtimestamp(int(item["expires_at"]["N"]), UTC)
    assert expires_at > NOON + timedelta(days=400)
