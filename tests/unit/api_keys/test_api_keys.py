"""API keys and the names of their callers' sessions."""

import re
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lambdas.domain.api_keys import (
    InvalidProjectError,
    KeyNotValidError,
    KeyState,
    NoSessionNameError,
    Scope,
    create_key,
    digest_secret,
    is_well_formed,
    make_secret,
    make_session_name,
    rotate_key,
)
from tests.builders import NOON

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RANDOM = st.binary(min_size=32, max_size=32)
CALLERS = st.tuples(st.text(max_size=20), st.none() | st.text(max_size=20))
AMBIGUOUS = st.tuples(st.text("a=,1/6", max_size=8), st.none() | st.text("a=,1/6", max_size=8))
SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)


@given(RANDOM)
def test_a_key_is_well_formed_and_shows_its_prefix_only(random: bytes) -> None:
    secret = make_secret(random)
    assert is_well_formed(secret.text)
    assert secret.text.startswith(secret.prefix)
    assert len(secret.prefix) == 12
    assert secret.digest == digest_secret(secret.text)
    assert secret.text not in secret.digest


@given(RANDOM, st.integers(0, 62), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_one_wrong_letter_is_found_without_a_table(random: bytes, at: int, letter: str) -> None:
    text = make_secret(random).text
    assume(text[at] != letter)
    assert not is_well_formed(text[:at] + letter + text[at + 1 :])


@pytest.mark.parametrize("text", ["", "bmk_", "sk-123", "bmk_" + "a" * 59, "bmk_" + "A" * 59])
def test_other_texts_are_no_keys(text: str) -> None:
    assert not is_well_formed(text)


def test_a_key_needs_256_random_bits() -> None:
    with pytest.raises(ValueError, match="32 random bytes"):
        make_secret(b"short")


@given(CALLERS | AMBIGUOUS, CALLERS | AMBIGUOUS)
def test_no_two_callers_have_one_session_name(
    first: tuple[str, str | None], second: tuple[str, str | None]
) -> None:
    assume(first != second)
    names = list[str]()
    for caller in (first, second):
        try:
            names.append(make_session_name(*caller))
        except NoSessionNameError:
            return
    assert names[0] != names[1]
    assert all(map(SESSION_NAME.fullmatch, names))


@pytest.mark.parametrize(
    ("owner", "tenant", "name"),
    [
        ("ana@example.com", None, "ana@example.com"),
        ("a", None, "=61"),
        ("=61", None, "=3D61"),
        ("a/b", None, "a=2Fb"),
        ("b", "a", "a,b"),
        ("a,b", None, "a=2Cb"),
        ("Ana Mar\u00eda", "acme", "acme,Ana=20Mar=C3=ADa"),
    ],
)
def test_session_names_are_the_owner_as_far_as_possible(
    owner: str, tenant: str | None, name: str
) -> None:
    assert make_session_name(owner, tenant) == name


@pytest.mark.parametrize(
    ("owner", "tenant"),
    [
        ("", None),
        ("a", ""),
        ("x" * 65, None),
        ("x" * 40, "y" * 40),
        ("\u4e2d" * 8, None),
        ("\ud800", None),
    ],
)
def test_callers_without_a_session_name_get_no_key(owner: str, tenant: str | None) -> None:
    with pytest.raises(NoSessionNameError):
        create_key(bytes(32), owner, NOON, tenant=tenant)


@pytest.mark.parametrize("project", ["", "x" * 257, "Ärger", "{}", "a\n", "chat\tbot", "🙂"])
def test_a_project_that_bedrock_refuses_in_metadata_gets_no_key(project: str) -> None:
    with pytest.raises(InvalidProjectError, match=r"1 to 256 of A-Z"):
        create_key(bytes(32), "ana", NOON, project=project)


@pytest.mark.parametrize("project", ["x" * 256, "Chat bot 2", "a:b_c@d$e#f=g/h+i,j-k.l"])
def test_a_project_may_have_all_letters_of_metadata(project: str) -> None:
    _, key = create_key(bytes(32), "ana", NOON, project=project)
    assert key.project == project


def test_a_key_is_valid_until_it_expires_or_is_revoked() -> None:
    _, key = create_key(bytes(32), "ana", NOON, lifetime=DAY, scopes=[Scope.BEDROCK])
    assert key.get_state(NOON) is KeyState.VALID
    assert key.get_state(NOON + DAY) is KeyState.EXPIRED
    revoked = replace(key, revoked_at=NOON + HOUR)
    assert revoked.get_state(NOON + HOUR) is KeyState.REVOKED
    assert key.scopes == {Scope.BEDROCK}


def test_the_last_use_is_written_once_an_hour() -> None:
    _, key = create_key(bytes(32), "ana", NOON)
    assert key.is_use_due(NOON)
    used = replace(key, last_used_at=NOON)
    assert not used.is_use_due(NOON + HOUR / 2)
    assert used.is_use_due(NOON + HOUR)


def test_a_rotated_key_has_a_successor_and_an_end() -> None:
    _, key = create_key(bytes(32), "ana", NOON, tier="gold", lifetime=10 * DAY)
    later = NOON + DAY
    secret, successor, ending = rotate_key(key, b"\x01" * 32, later, HOUR)
    assert (successor.digest, successor.replaces) == (secret.digest, key.prefix)
    assert (successor.owner, successor.tier) == ("ana", "gold")
    assert successor.expires_at == later + 10 * DAY
    assert ending.expires_at == later + HOUR
    assert ending.digest == key.digest


def test_rotation_never_lengthens_a_key_s_life_nor_revives_it() -> None:
    _, key = create_key(bytes(32), "ana", NOON, lifetime=HOUR)
    _, _, ending = rotate_key(key, b"\x01" * 32, NOON, DAY)
    assert ending.expires_at == NOON + HOUR
    with pytest.raises(KeyNotValidError):
        rotate_key(key, b"\x01" * 32, NOON + HOUR, DAY)


def test_a_key_without_an_end_has_a_successor_without_one() -> None:
    _, key = create_key(bytes(32), "ana", NOON)
    _, successor, ending = rotate_key(key, b"\x01" * 32, NOON, DAY)
    assert successor.expires_at is None
    assert ending.expires_at == NOON + DAY
