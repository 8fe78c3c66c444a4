"""Profiles are named by their model if it is known."""

import pytest

from lambdas.domain.attribution import TagHistory
from lambdas.domain.attribution.ports import TagEntry
from lambdas.domain.attribution.profile_models import ProfileModels
from tests.builders import NOON, SONNET_4
from tests.fakes import InMemoryTagCache

PROFILES = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/"


def known(model_id: str | None) -> InMemoryTagCache:
    logging_state = InMemoryTagCache()
    entry = TagEntry(TagHistory(model_id=model_id), NOON, frozenset())
    logging_state.save(f"{PROFILES}abc123", entry, None)
    return logging_state


@pytest.mark.parametrize(
    "name", ["abc123", "application-inference-profile/abc123", f"{PROFILES}abc123"]
)
def test_a_profile_in_any_spelling_resolves_to_its_model(name: str) -> None:
    assert ProfileModels(known(SONNET_4), PROFILES).name_model(name) == SONNET_4


@pytest.mark.parametrize(
    "name", [SONNET_4, f"us.{SONNET_4}", "custom-model/abc123", "__other__", "", "other1"]
)
def test_other_names_stay_unchanged(name: str) -> None:
    assert ProfileModels(known(SONNET_4), PROFILES).name_model(name) == name


def test_a_known_model_is_looked_up_once_and_an_unknown_one_again() -> None:
    logging_state = known(None)
    models = ProfileModels(logging_state, PROFILES)
    assert models.name_model("abc123") == "abc123"
    logging_state.entries[f"{PROFILES}abc123"] = TagEntry(
        TagHistory(model_id=SONNET_4), NOON, frozenset()
    )
    assert [models.name_model("abc123") for _ in range(3)] == [SONNET_4] * 3
    assert len(logging_state.loaded) == 2
