"""Secrets sign; while they are rotated, the old and the new one do."""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime, timedelta, timezone

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from lambdas.domain.webhooks import SealedSecret, list_valid, make_secret, rotate_secrets
from lambdas.domain.webhooks.signing import sign
from tests.webhooks import NOON

DAY = timedelta(hours=24)
OLD, NEW = make_secret(b"o" * 32), make_secret(b"n" * 32)
BODY = '{"type":"webhook.test","text":"é\U0001f600"}'.encode()


def test_a_secret_is_its_mark_and_32_random_bytes() -> None:
    secret = make_secret(bytes(range(32)))
    assert b64decode(secret.removeprefix("whsec_"), validate=True) == bytes(range(32))
    assert secret.startswith("whsec_")


@pytest.mark.parametrize("count", [0, 16, 31, 33])
def test_a_secret_of_another_length_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="32 random bytes"):
        make_secret(bytes(count))


def test_a_rotated_secret_signs_for_a_day_more() -> None:
    secrets = rotate_secrets([SealedSecret(b"old", NOON - DAY)], b"new", NOON)
    assert [each.ciphertext for each in secrets] == [b"old", b"new"]
    just_before = NOON + DAY - timedelta(seconds=1)
    assert [each.ciphertext for each in list_valid(secrets, just_before)] == [b"old", b"new"]
    assert [each.ciphertext for each in list_valid(secrets, NOON + DAY)] == [b"new"]


def test_expired_secrets_are_dropped_at_the_next_rotation() -> None:
    secrets = rotate_secrets([SealedSecret(b"1", NOON)], b"2", NOON)
    secrets = rotate_secrets(secrets, b"3", NOON + 2 * DAY)
    assert [each.ciphertext for each in secrets] == [b"2", b"3"]


def test_a_second_rotation_within_a_day_ends_the_oldest_secret() -> None:
    secrets = rotate_secrets([SealedSecret(b"1", NOON)], b"2", NOON)
    secrets = rotate_secrets(secrets, b"3", NOON + timedelta(hours=1))
    assert [each.ciphertext for each in secrets] == [b"2", b"3"]
    assert [each.expires_at for each in secrets] == [NOON + timedelta(hours=25), None]


def test_a_leaked_secret_ends_at_once() -> None:
    secrets = rotate_secrets([SealedSecret(b"1", NOON)], b"2", NOON, overlap=timedelta(0))
    assert [each.ciphertext for each in secrets] == [b"2"]


def test_old_and_new_secret_verify_while_they_are_rotated() -> None:
    headers = sign(BODY, "evt_1", [OLD, NEW], datetime.now(UTC))
    for secret in (OLD, NEW):
        assert Webhook(secret).verify(BODY, headers)["type"] == "webhook.test"
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(make_secret(b"x" * 32)).verify(BODY, headers)


@pytest.mark.parametrize("changed", ["webhook-id", "body"])
def test_a_changed_request_does_not_verify(changed: str) -> None:
    headers = sign(BODY, "evt_1", [NEW], datetime.now(UTC))
    body = BODY + b" " if changed == "body" else BODY
    if changed != "body":
        headers[changed] = "evt_2"
    with pytest.raises(WebhookVerificationError, match="No matching signature"):
        Webhook(NEW).verify(body, headers)


def test_an_old_request_does_not_verify() -> None:
    headers = sign(BODY, "evt_1", [NEW], datetime.now(UTC) - timedelta(minutes=6))
    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(NEW).verify(BODY, headers)


def test_the_time_of_a_signature_is_in_utc_whatever_the_zone() -> None:
    elsewhere = NOON.astimezone(timezone(timedelta(hours=9)))
    headers = sign(BODY, "evt_1", [NEW], elsewhere)
    assert headers == sign(BODY, "evt_1", [NEW], NOON)
    assert headers["webhook-timestamp"] == str(int(NOON.timestamp()))
