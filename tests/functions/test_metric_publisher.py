"""`metric_publisher`: from a batch of the ledger's stream to metrics in CloudWatch."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest
from pydantic import ValidationError

from lambdas.adapters.dynamodb.usage_item import to_item
from lambdas.adapters.s3.price_editions import S3PriceEditions
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.ledger.readings import join, join_readings
from lambdas.domain.pricing import Routing, TokenKind
from lambdas.domain.pricing.editions import ListedRate, PriceUpdates
from lambdas.domain.pricing.price_decisions import add_rates
from lambdas.domain.pricing.price_review import OfferedRate
from lambdas.functions.metric_publisher import handler
from lambdas.functions.metric_publisher.settings import Settings
from lambdas.services import publish_stream
from lambdas.wiring import metric_publisher as wiring
from tests.aws import (
    STATE,
    clear_caches,
    deploy_stack,
    health_metrics,
    lambda_context,
    published,
)
from tests.builders import ANA, BEN, HAIKU_3, SONNET_4, usage_record
from tests.limits import CALLER_ROLE, gateway_call

CONTEXT = lambda_context(120_000)
NOW = datetime.now(UTC).replace(microsecond=0)
NEEDED = {
    "ACCOUNT_ID": "111122223333",
    "LEDGER_RETENTION_DAYS": "90",
    "STATE_TABLE": STATE,
    "STACK_ID": "stack",
}


@pytest.fixture(autouse=True)
def environment(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_TABLE", STATE)
    monkeypatch.setenv("LEDGER_RETENTION_DAYS", "90")
    monkeypatch.setenv("ACCOUNT_ID", "111122223333")
    monkeypatch.setenv("STACK_ID", deploy_stack())


def call(number: int, **changes: Any) -> UsageRecord:
    return usage_record(**({"request_id": str(number), "timestamp": NOW} | changes))


def change(number: int, record: UsageRecord, before: UsageRecord | None = None) -> dict[str, Any]:
    images = {"NewImage": to_item(record, timedelta(days=90))}
    if before is not None:
        images["OldImage"] = to_item(before, timedelta(days=90))
    return {
        "eventName": "INSERT" if before is None else "MODIFY",
        "dynamodb": images
        | {
            "SequenceNumber": f"sequence-{number}",
            "ApproximateCreationDateTime": datetime.now(UTC).timestamp(),
        },
    }


def publish(*changes: dict[str, Any]) -> list[str]:
    response = handler.lambda_handler({"Records": list(changes)}, CONTEXT)
    return [failure["itemIdentifier"] for failure in response["batchItemFailures"]]


def total(metric: str, **dimensions: str) -> float:
    return published(metric, NOW, **dimensions)


def test_new_calls_become_metrics_of_their_identity_and_model() -> None:
    records = [call(1), call(2, tokens=TokenCounts(100, 10)), call(3, identity_arn=BEN)]
    assert publish(*[change(number, record) for number, record in enumerate(records)]) == []
    assert total("TotalTokens", IdentityArn=ANA) == 125
    assert total("Invocations", IdentityArn=BEN) == 1
    assert total("InputTokens", ModelId=HAIKU_3) == 120


def test_a_correction_adds_the_increase_and_no_second_call(
    capsys: pytest.CaptureFixture[str],
) -> None:
    corrected = join(call(1), call(1, tokens=TokenCounts(99, 99)))
    changes = [change(1, call(1)), change(2, corrected, call(1)), change(3, call(2), call(2))]
    assert publish(*changes) == []
    assert total("TotalTokens", IdentityArn=ANA) == 198
    assert total("Invocations", IdentityArn=ANA) == 1
    health = health_metrics(capsys.readouterr().out)
    assert (health["ConflictingDuplicates"], health["TamperedCalls"]) == ([1], [0])


def removal(number: int, record: UsageRecord) -> dict[str, Any]:
    """The stream record of a deleted item."""
    removed = change(number, record, record)
    del removed["dynamodb"]["NewImage"]
    return removed | {"eventName": "REMOVE"}


@pytest.mark.parametrize(("role", "around"), [(CALLER_ROLE, (2, 130)), (None, (0, 0))])
def test_calls_around_the_gateway_are_counted_once_where_there_is_a_gateway(
    role: str | None,
    around: tuple[float, float],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if role is not None:
        monkeypatch.setenv("CALLER_ROLE", role)
    elsewhere = gateway_call(
        "two", identity_arn=f"arn:aws:sts::444455556666:assumed-role/{role}/ana"
    )
    first = call(1, tokens=TokenCounts(10, 10))
    publish(
        change(1, first),
        change(2, elsewhere._replace(timestamp=NOW, tokens=TokenCounts(100, 10))),
        change(3, gateway_call("three", timestamp=NOW)),
        change(4, call(4, error_code="AccessDeniedException")),
    )
    health = health_metrics(capsys.readouterr().out)
    counted = [sum(health.get(f"{name}AroundGateway", [])) for name in ("Calls", "Tokens")]
    assert tuple(counted) == around
    publish(change(5, join(first, call(1, tokens=TokenCounts(100, 10))), first))
    assert not {name for name in health_metrics(capsys.readouterr().out) if "Around" in name}


def tampering(capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> list[str]:
    """The tampering that the log names, after checking that the metric counts as much."""
    named = [
        vars(line)["tampering"] for line in caplog.records if "other than the meter" in line.message
    ]
    assert health_metrics(capsys.readouterr().out)["TamperedCalls"][-1] == len(named)
    return named


READING = call(1, identity_arn=BEN)
JOINED = join(call(1), READING)


@pytest.mark.parametrize(
    "after",
    [
        call(1, tokens=TokenCounts(0, 99)),
        call(1, tokens=TokenCounts(99, 99)),  # and no sign that readings disagree
        call(1, error_code="ThrottlingException"),
        call(1, identity_arn=BEN),
        call(1, model_id=SONNET_4),
        call(1, timestamp=NOW + timedelta(hours=1)),
        call(1),  # one of two callers is taken back
        JOINED._replace(request_id="2"),
    ],
    ids=["tokens", "more tokens", "error", "caller", "model", "time", "conflict", "key"],
)
def test_a_change_without_a_reading_is_counted_and_changes_no_metric(
    after: UsageRecord, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    tampered = change(3, after, JOINED)
    tampered["dynamodb"]["NewImage"]["pk"] = tampered["dynamodb"]["OldImage"]["pk"]
    assert publish(change(1, call(1)), change(2, JOINED, call(1)), tampered) == []
    assert total("TotalTokens", IdentityArn=ANA) == 15
    expected = "misplaced" if after.request_id == "2" else "changed"
    assert tampering(capsys, caplog) == [expected]


def test_a_replaced_caller_of_a_plain_call_is_reported_and_changes_no_metric(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """As `make erase-identity` does it."""
    assert publish(change(1, call(1)), change(2, call(1, identity_arn=BEN), call(1))) == []
    assert total("TotalTokens", IdentityArn=ANA) == 15
    assert total("TotalTokens", IdentityArn=BEN) == 0
    assert tampering(capsys, caplog) == ["changed"]


def test_a_removed_call_stays_in_metrics_and_is_counted(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert publish(change(1, call(1)), removal(2, JOINED)) == []
    assert total("TotalTokens", IdentityArn=ANA) == 15
    assert tampering(capsys, caplog) == ["removed"]
    (logged,) = (vars(line) for line in caplog.records if "tampering" in vars(line))
    assert set(logged["callers"]) == {ANA, BEN}
    assert logged["request_id"] == "1"


def test_an_expired_call_is_not_tampering(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    expired = removal(1, call(1)) | {
        "userIdentity": {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
    }
    assert publish(expired) == []
    assert tampering(capsys, caplog) == []


@pytest.mark.parametrize(
    "by", [None, {"type": "Service", "principalId": "replication.dynamodb.amazonaws.com"}]
)
def test_only_expiry_by_dynamodb_is_not_tampering(
    by: object, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    assert publish(removal(1, call(1)) | {"userIdentity": by}) == []
    assert tampering(capsys, caplog) == ["removed"]


def test_a_call_replaced_with_lower_counts_is_noticed_by_its_removal(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """To metrics the second one is a new call: they show more than the ledger, never less."""
    less = call(1, tokens=TokenCounts(1, 0))
    assert publish(change(1, call(1)), removal(2, call(1)), change(3, less)) == []
    assert total("TotalTokens", IdentityArn=ANA) == 16
    assert total("Invocations", IdentityArn=ANA) == 2
    assert tampering(capsys, caplog) == ["removed"]


@pytest.mark.parametrize(
    ("seconds_before", "seconds_after", "expected"),
    [
        (0, -1, ["expires_sooner"]),
        (None, -1, ["expires_sooner"]),
        (0, 1, []),
        (0, None, []),
        (86_400, 0, []),  # the retention was made shorter
    ],
)
def test_a_call_set_to_expire_early_is_tampering(
    seconds_before: int | None,
    seconds_after: int | None,
    expected: list[str],
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    changed = change(1, call(1), call(1))
    for name, seconds in (("OldImage", seconds_before), ("NewImage", seconds_after)):
        image = changed["dynamodb"][name]
        due = int(image.pop("expires_at")["N"])
        if seconds is not None:
            image["expires_at"] = {"N": str(due + seconds)}
    assert publish(changed) == []
    assert tampering(capsys, caplog) == expected


def test_tampering_after_an_unsent_call_is_counted_on_retry(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    batch = [removal(0, call(0)), change(1, call(1)), removal(2, call(2))]
    assert publish(*batch) == ["sequence-1"]
    assert health_metrics(capsys.readouterr().out)["TamperedCalls"] == [1]


def test_the_log_names_every_caller_of_conflicting_readings(
    caplog: pytest.LogCaptureFixture,
) -> None:
    (joined,) = join_readings([call(1), call(1, identity_arn=BEN, model_id=SONNET_4)]).values()
    publish(change(1, call(1)), change(2, joined, call(1)))
    (logged,) = (vars(line) for line in caplog.records if "disagree" in line.message)
    assert set(logged["callers"]) == {ANA, BEN}
    assert logged["models"] == [HAIKU_3, SONNET_4]
    assert logged["request_id"] == "1"


def test_a_batch_refused_by_cloudwatch_is_retried_from_its_first_call(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    old = call(0, timestamp=NOW - timedelta(days=20))
    too_old = change(0, join(old, old._replace(tokens=TokenCounts(99, 99))), old)
    late = change(2, JOINED, call(1))
    assert publish(too_old, change(1, call(1)), late) == ["sequence-1"]
    assert health_metrics(capsys.readouterr().out)["ConflictingDuplicates"] == [1]
    assert "comes again" in caplog.text
    *_, warning = (vars(record) for record in caplog.records)
    assert "127.0.0.1:9" in warning["reason"]


@pytest.mark.parametrize(
    ("started_before", "max_first_try", "usd"),
    [
        (timedelta(0), timedelta(minutes=5), 0),  # another process may have tried it
        (timedelta(days=1), timedelta(0), 0),  # so may this one, before
        (timedelta(days=1), timedelta(minutes=5), 0.00002),
    ],
)
def test_a_call_maybe_published_at_other_prices_gets_its_cost_only_from_its_note(
    monkeypatch: pytest.MonkeyPatch,
    started_before: timedelta,
    max_first_try: timedelta,
    usd: float,
) -> None:
    """A deployment that sets a price restarts functions: here between two attempts."""
    private = "imported-model/abc"
    batch = change(1, call(1, model_id=private))
    assert publish(batch) == []
    agreed = {
        "model": private,
        "effective_from": "2026-01-01",
        "usd_per_million": {"input": "1", "output": "2"},
    }
    monkeypatch.setenv("CONTRACTED_PRICES", json.dumps([agreed]))
    clear_caches()
    monkeypatch.setattr(wiring, "STARTED", datetime.now(UTC) - started_before)
    monkeypatch.setattr(publish_stream, "MAX_FIRST_TRY", max_first_try)
    assert publish(batch) == []
    assert total("EstimatedCostUSD", IdentityArn=ANA) == pytest.approx(usd)


def test_an_edition_published_between_attempts_counts_no_cost_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A call that was noted without a price gets its cost from its note alone."""
    monkeypatch.setenv("PRICE_BUCKET", "prices")
    monkeypatch.setattr(wiring, "STARTED", NOW - timedelta(days=1))
    boto3.client("s3").create_bucket(Bucket="prices")
    private = "imported-model/abc"
    batch = change(1, call(1, model_id=private, tokens=TokenCounts(10, 0)))
    assert publish(batch) == []

    editions = S3PriceEditions(lambda: boto3.client("s3"), "prices")
    rate = ListedRate(
        model_id=private,
        routing=Routing.REGION,
        place="us-east-1",
        item=TokenKind.INPUT,
        usd=Decimal(1),
    )
    now = datetime.now(UTC)
    offered = [OfferedRate("AmazonBedrock", rate, now.date(), is_first=True)]
    following = add_rates(PriceUpdates(), None, offered, reason="tests", now=now)
    assert following.edition is not None
    editions.write_edition(following.edition)
    editions.publish(following.updates, None)
    clear_caches()
    assert publish(batch) == []
    assert total("EstimatedCostUSD", IdentityArn=ANA) == 0

    assert publish(change(2, call(2, model_id=private, tokens=TokenCounts(10, 0)))) == []
    assert total("EstimatedCostUSD", IdentityArn=ANA) == pytest.approx(0.00001)


def test_calls_too_old_for_cloudwatch_stay_only_in_the_ledger(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert publish(change(1, call(1, timestamp=NOW - timedelta(days=15)))) == []
    health = health_metrics(capsys.readouterr().out)
    assert health["UnpublishedRecords"] == [1]
    assert "MeteringDelay" not in health


def test_calls_published_by_an_earlier_deployment_are_skipped() -> None:
    """The table outlives a deployment, and its stream holds a day of changes."""
    before = change(1, call(1))
    before["dynamodb"]["ApproximateCreationDateTime"] -= 3600
    assert publish(before, change(2, call(2, tokens=TokenCounts(7, 0)))) == []
    assert total("TotalTokens", IdentityArn=ANA) == 7


@pytest.mark.parametrize(
    "damage",
    [
        lambda images: images.pop("NewImage"),
        lambda images: images["NewImage"].pop("model_id"),
        lambda images: images["NewImage"].update(input={"N": "many"}),
        lambda images: images["NewImage"].update(timestamp={"S": "2026-09-01T12:00:00"}),
        lambda images: images["NewImage"].update(timestamp={"N": "1"}),
    ],
)
def test_an_unreadable_change_does_not_stop_the_stream(
    damage: Callable[[dict[str, Any]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    damaged = change(1, call(1))
    damage(damaged["dynamodb"])
    without_what_was = change(2, call(2), call(2))
    del without_what_was["dynamodb"]["OldImage"]
    assert publish(damaged, without_what_was, change(3, call(3))) == []
    assert total("Invocations", IdentityArn=ANA) == 2
    health = health_metrics(capsys.readouterr().out)
    assert (health["UnpublishedRecords"], health["TamperedCalls"]) == ([1], [1])


def test_the_delay_is_the_age_of_the_oldest_published_call(
    capsys: pytest.CaptureFixture[str],
) -> None:
    too_old, late = (call(n, timestamp=NOW - timedelta(days=d)) for n, d in ((1, 15), (2, 1)))
    publish(*(change(number, record) for number, record in enumerate((too_old, call(3), late))))
    (delay,) = health_metrics(capsys.readouterr().out)["MeteringDelay"]
    age = (datetime.now(UTC) - late.timestamp).total_seconds()
    assert delay <= age < delay + 60
    assert delay >= 86_400


def test_a_clock_ahead_gives_no_negative_delay(capsys: pytest.CaptureFixture[str]) -> None:
    publish(change(1, call(1, timestamp=NOW + timedelta(hours=1))))
    assert health_metrics(capsys.readouterr().out)["MeteringDelay"] == [0]


def test_late_calls_appear_in_the_alarmed_health_metrics(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made_up = [call(number, timestamp=NOW - timedelta(hours=5 * number)) for number in range(2)]
    weeks_ago = call(2, timestamp=NOW - timedelta(days=20))
    publish(*(change(number, record) for number, record in enumerate([*made_up, weeks_ago])))
    health = health_metrics(capsys.readouterr().out)
    assert health["MeteringDelay"][0] >= 5 * 3600
    assert health["UnpublishedRecords"] == [1]


def test_identities_beyond_the_limit_go_to_the_overflow_bucket(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MAX_IDENTITIES", "1")
    publish(change(1, call(1)), change(2, call(2, identity_arn=BEN)))
    assert total("Invocations", IdentityArn=ANA) == 1
    assert total("Invocations", IdentityArn=BEN) == 0
    assert total("Invocations", IdentityArn="__other__") == 1


def test_models_beyond_the_limit_go_to_the_overflow_bucket_and_are_counted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MAX_MODELS", "1")
    publish(change(1, call(1)), change(2, call(2, model_id="vendor.other")))
    assert total("Invocations", ModelId=HAIKU_3) == 1
    assert total("Invocations", ModelId="vendor.other") == 0
    assert total("Invocations", ModelId="__other__") == 1
    assert health_metrics(capsys.readouterr().out)["OverflowingCalls"] == [1]


def test_failed_calls_of_invented_models_share_one_series(
    capsys: pytest.CaptureFixture[str],
) -> None:
    made_up = [
        call(number, model_id=f"made-up-{number}", error_code="ValidationException")
        for number in range(20)
    ]
    publish(*(change(number, record) for number, record in enumerate(made_up)))
    assert total("InvocationErrors", ModelId="__other__") == 20
    metrics = boto3.client("cloudwatch").list_metrics(MetricName="InvocationErrors")["Metrics"]
    values = {dimension["Value"] for metric in metrics for dimension in metric["Dimensions"]}
    assert values == {ANA, "__other__"}
    assert "OverflowingCalls" not in health_metrics(capsys.readouterr().out)


def test_failed_calls_of_known_models_do_not_use_up_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MAX_MODELS", "2")
    failing = [
        call(number, model_id=model, error_code="AccessDeniedException")
        for number, model in enumerate((HAIKU_3, "amazon.nova-micro-v1:0", "amazon.nova-lite-v1:0"))
    ]
    publish(*(change(number, record) for number, record in enumerate(failing)))
    publish(change(9, call(9, model_id=SONNET_4)))
    assert total("InvocationErrors", ModelId=HAIKU_3) == 1
    assert total("InvocationErrors", ModelId="__other__") == 2
    assert total("Invocations", ModelId=SONNET_4) == 1


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"METRIC_DETAIL": "everything"}, "metric_detail"),
        ({"MAX_IDENTITIES": "250"}, "max_identities"),
        ({"MAX_MODELS": "0"}, "max_models"),
        ({"ROLE_ROLLUP_PATTERNS": '["("]'}, "no regular expression"),
        ({"ROLE_ROLLUP_PATTERNS": "not json"}, "role_rollup_patterns"),
        ({"ATTRIBUTION": '{"patterns": [{}]}'}, "attribution.patterns.0"),
        ({"STATE_TABLE": ""}, "state_table"),
        ({"STACK_ID": ""}, "stack_id"),
        ({"LEDGER_RETENTION_DAYS": "0"}, "ledger_retention_days"),
    ],
)
def test_an_invalid_setting_is_named(variables: dict[str, str], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Settings.from_environment(NEEDED | variables)


def test_settings_are_read_from_the_environment() -> None:
    variables = NEEDED | {"ROLE_ROLLUP_PATTERNS": '["job-.*"]', "OTHER": "x"}
    patterns: Sequence[str] = Settings.from_environment(variables).role_rollup_patterns
    assert patterns == ("job-.*",)
