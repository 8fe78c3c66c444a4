"""A record with a mask in the wrong place is rejected, or counts as without the mask."""

import json
from collections.abc import Iterator
from itertools import permutations, product
from typing import Any

import pytest

from lambdas.domain.invocations import RejectionReason, UsageRecord, read_message
from lambdas.domain.invocations.decoding import decode_json
from tests.builders import ANA
from tests.invocation_logs import log
from tests.log_masking import PRIVATE_KEYS, mask

ROLE = "arn:aws:sts::111122223333:assumed-role/app"
STARS = "*" * 22
KEY_MARKERS = {
    "PkcsPrivateKey": ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----"),
    "OpenSshPrivateKey": (
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "-----END OPENSSH PRIVATE KEY-----",
    ),
    "PgpPrivateKey": (
        "-----BEGIN PGP PRIVATE KEY BLOCK-----",
        "-----END PGP PRIVATE KEY BLOCK-----",
    ),
    "PuttyPrivateKey": ("PuTTY-User-Key-File-2", "Private-MAC: ab"),
}
BODIES = {
    "text": "{}",
    "field": {"text": "{}"},
    "nested field": {"message": {"text": "{}"}},
    "message": {"messages": [{"content": [{"text": "{}"}]}]},
    "list": ["{}"],
}


def fill(body: Any, text: str) -> Any:
    return json.loads(json.dumps(body).replace("{}", text))


def write_records(begin: str, end: str) -> Iterator[dict[str, Any]]:
    """Write records that have the two markers in two texts of the caller or the model.

    Records whose fields have another order are tried as well: AWS documents none.
    """
    for sent, answered in product(BODIES.values(), repeat=2):
        places: dict[str, dict[str, Any]] = {
            "session": {"identity": {"arn": f"{ROLE}/{{}}"}},
            "metadata": {"requestMetadata": {"project": "{}"}},
            "input": {"input": {"inputBodyJson": sent, "inputTokenCount": 1234}},
            "output": {"output": {"outputBodyJson": answered, "outputTokenCount": 99}},
        }
        for pair in permutations(places, 2):
            texts = dict(zip(pair, (begin, end), strict=True))
            fields = {
                name: fill(field, texts.get(place, "hello"))
                for place, part in places.items()
                for name, field in part.items()
            }
            for order in (["identity", "requestMetadata", "input", "output"], sorted(fields)):
                rest = {name: value for name, value in log().items() if name not in fields}
                yield rest | {name: fields[name] for name in order}


def test_the_markers_are_those_of_all_private_keys() -> None:
    assert KEY_MARKERS.keys() == PRIVATE_KEYS.keys()


@pytest.mark.parametrize("identifier", KEY_MARKERS)
def test_a_private_key_across_parts_hides_no_counts_silently(identifier: str) -> None:
    readings = []
    for record in write_records(*KEY_MARKERS[identifier]):
        message = json.dumps(record, separators=(",", ":"))
        masked = mask(message, [identifier])
        if masked != message:
            before, after = read_message(message), read_message(masked)
            assert isinstance(before, UsageRecord)
            readings.append(after)
            if isinstance(after, UsageRecord):
                assert after.tokens == before.tokens
                assert after.identity_arn.startswith(f"{ROLE}/")
    assert RejectionReason.MASKED in readings
    assert len(readings) > 100


@pytest.mark.parametrize(
    "identity_arn",
    [
        f"arn:aws:sts::111122223333:assumed-{STARS}",
        f"{ROLE.removesuffix('app')}{STARS}",
        f"{ROLE}-{STARS}/session",
        f"arn:aws:iam::111122223333:user/{STARS}",
        f"arn:aws:sts::111122223333:federated-user/{STARS}",
        f"arn:aws:sts::{STARS}:assumed-role/app/session",
    ],
)
def test_a_record_with_a_masked_principal_is_rejected(identity_arn: str) -> None:
    message = json.dumps(log(identity={"arn": identity_arn}))
    assert read_message(message) is RejectionReason.MASKED


def test_a_call_with_a_masked_session_name_counts_for_its_role() -> None:
    arn = f"{ROLE}/iban.{STARS}"
    reading = read_message(json.dumps(log(identity={"arn": arn})))
    assert isinstance(reading, UsageRecord)
    assert reading == read_message(json.dumps(log()))._replace(identity_arn=arn)  # type: ignore[union-attr]


@pytest.mark.parametrize("field", ["requestId", "modelId"])
def test_a_record_with_a_masked_id_is_rejected(field: str) -> None:
    message = json.dumps(log(**{field: f"id-{STARS}"}))
    assert read_message(message) is RejectionReason.MASKED


def test_asterisks_that_callers_write_reject_no_record() -> None:
    record = log(
        identity={"arn": ANA},
        requestMetadata={"project": STARS},
        input={"inputBodyJson": {"text": STARS}, "inputTokenCount": 10},
        output={"outputBodyJson": {"text": STARS}, "outputTokenCount": 5},
    )
    reading = read_message(json.dumps(record))
    assert isinstance(reading, UsageRecord)
    assert (reading.tokens.input, reading.tokens.output) == (10, 5)


@pytest.mark.parametrize("name", ["inputTokenCount", "outputTokenCount", "outputBodyJson"])
def test_names_of_metadata_that_callers_choose_reject_no_record(name: str) -> None:
    reading = read_message(json.dumps(log(requestMetadata={name: "1"})))
    assert isinstance(reading, UsageRecord)


def test_an_embedding_with_a_masked_session_name_is_counted() -> None:
    output = {"outputBodyJson": {"embedding": [0.5]}}
    record = log(identity={"arn": f"{ROLE}/iban.{STARS}"}, output=output)
    reading = read_message(json.dumps(record))
    assert isinstance(reading, UsageRecord)
    assert reading.tokens.input == 10


def test_asterisks_in_a_body_that_is_written_as_text_reject_no_record() -> None:
    body = json.dumps({"usage": {"inputTokens": 10, "outputTokens": 5}, "text": STARS})
    reading = read_message(json.dumps(log(input={}, output={"outputBodyJson": body})))
    assert isinstance(reading, UsageRecord)
    assert (reading.tokens.input, reading.tokens.output) == (10, 5)


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        ("insurance number:\nA123456C", "NationalInsuranceNumber-GB"),
        ("tax code:\nSSMRA85T10A562S", "NationalIdentificationNumber-IT"),
        (f"secret key:\n{'A' * 39}", "AwsSecretKey"),
        (f"C:\\\\secret key:\\\n{'A' * 39}", "AwsSecretKey"),
    ],
)
def test_a_mask_over_half_an_escape_costs_nothing_that_the_answer_reports(
    text: str, identifier: str
) -> None:
    record = log(
        input={"inputBodyJson": {"text": text}, "inputTokenCount": 10},
        output={
            "outputBodyJson": {
                "usage": {"cacheReadInputTokens": 7},
                "serviceTier": {"type": "flex"},
            },
            "outputTokenCount": 5,
        },
    )
    message = json.dumps(record, separators=(",", ":"))
    masked = mask(message, [identifier])
    with pytest.raises(ValueError, match="escape"):
        json.loads(masked)
    before = read_message(message)
    assert isinstance(before, UsageRecord)
    assert before.tokens.cache_read == 7
    assert before.service_tier == "flex"
    assert read_message(masked) == before


@pytest.mark.parametrize("half", ["\\*", "\\u*", "\\u00*", "\\u00e*", "\\\\\\*"])
def test_half_an_escape_before_a_mask_is_left_out(half: str) -> None:
    assert decode_json(f'{{"a": "{half}**"}}') in ({"a": "***"}, {"a": "\\***"})


def test_a_backslash_before_a_mask_stays() -> None:
    assert decode_json('{"a": "\\\\***", "b": "\\ud800"}')["a"] == "\\***"  # type: ignore[index]
