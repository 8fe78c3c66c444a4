"""The contract of every directory of people, run on each of them."""

import re
from collections.abc import Iterator

import boto3
import pytest

from lambdas.adapters.dynamodb.person_directory import DynamoDbPersonDirectory
from lambdas.domain.audit import PERSON_ID, PersonDirectory
from tests.audit import InMemoryPersonDirectory
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import ANA, BEN


@pytest.fixture(params=["in memory", "dynamodb"])
def people(request: pytest.FixtureRequest) -> Iterator[PersonDirectory]:
    if request.param == "in memory":
        yield InMemoryPersonDirectory()
        return
    request.getfixturevalue("aws")
    create_governance_table()
    yield DynamoDbPersonDirectory(boto3.client("dynamodb"), GOVERNANCE)


def test_a_person_has_one_id(people: PersonDirectory) -> None:
    ana = people.get_or_create_id(ANA)
    assert re.fullmatch(PERSON_ID, ana)
    assert people.get_or_create_id(ANA) == ana
    assert people.get_or_create_id(BEN) != ana


def test_names_are_found_by_ids(people: PersonDirectory) -> None:
    ids = {people.get_or_create_id(arn): arn for arn in (ANA, BEN)}
    assert people.read_names() == ids


def test_a_deleted_name_is_gone_and_its_id_is_never_used_again(people: PersonDirectory) -> None:
    before = people.get_or_create_id(ANA)
    assert people.delete(ANA)
    assert not people.delete(ANA)
    assert people.read_names() == {}
    assert people.get_or_create_id(ANA) != before


def test_ids_are_random_and_not_made_of_the_name(aws: None) -> None:
    create_governance_table()
    people = DynamoDbPersonDirectory(boto3.client("dynamodb"), GOVERNANCE)
    ids = set()
    for _ in range(5):
        ids.add(people.get_or_create_id(ANA))
        people.delete(ANA)
    assert len(ids) == 5
