"""Every logged call is counted once and exact to the token, despite failures."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cdk.local_cloud.cloud import ACCOUNT, REGION
from tests.end_to_end.deployed import Deployed, calls, make, user
from tests.local_cloud.callers import MODEL
from tests.local_cloud.waiting import wait_for
from tests.unit.invocations.records import fixture_lines


def samples() -> tuple[list[str], Counter[str]]:
    """The samples as if logged here just now, and the expected tokens of each identity."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    expected: list[dict[str, Any]] = json.loads("".join(fixture_lines("expected-samples.json")))
    messages, tokens = [], Counter[str]()
    for line, of_it in zip(fixture_lines("invocation-logs.ndjson"), expected, strict=True):
        record = json.loads(line) | {"accountId": ACCOUNT, "region": REGION}
        if of_it.get("rejected") != "bad_timestamp":
            record["timestamp"] = now
        messages.append(json.dumps(record))
        counts = [of_it.get(name) for name in ("input", "output", "cache_read", "cache_write")]
        if "rejected" not in of_it and not of_it["error_code"]:
            tokens[of_it["identity_arn"]] += sum(count or 0 for count in counts)
    return messages, tokens


def test_samples_become_exact_metrics_once_despite_repeated_delivery(
    deployed: Deployed,
) -> None:
    messages, tokens = samples()
    for _ in range(2):
        deployed.log_calls(*messages)
        deployed.settle()
        for identity, expected in tokens.items():
            assert (deployed.tokens(identity) or 0) == expected, identity


def test_a_call_deleted_from_the_ledger_is_noticed_and_stays_in_metrics(
    deployed: Deployed,
) -> None:
    hidden = user("hidden")
    deployed.log_calls(*calls(hidden, 2))
    deployed.wait_for_tokens(hidden, 30)
    assert deployed.health("TamperedCalls") == 0
    item, _ = deployed.ledger(hidden)
    deployed.cloud.client("dynamodb").delete_item(
        TableName=deployed.bucket("LedgerTableName"), Key={"pk": item["pk"]}
    )
    wait_for(lambda: deployed.health("TamperedCalls"))
    deployed.settle()
    assert deployed.health("TamperedCalls") == 1
    assert deployed.tokens(hidden) == 30


def test_a_poison_record_is_quarantined_and_its_batch_counted(deployed: Deployed) -> None:
    poisoned = user("poisoned")
    good = list(calls(poisoned, 2))
    bad = json.loads(good[0]) | {"requestId": "poison", "timestamp": "yesterday"}
    deployed.log_calls(good[0], json.dumps(bad), "{ no json", good[1])
    deployed.wait_for_tokens(poisoned, 30)
    s3, bucket = deployed.cloud.client("s3"), deployed.bucket("QuarantineBucketName")

    def kept() -> list[dict[str, Any]]:
        objects = s3.list_objects_v2(Bucket=bucket).get("Contents", [])
        texts = [
            s3.get_object(Bucket=bucket, Key=s3_object["Key"])["Body"].read()
            for s3_object in objects
        ]
        entries = [json.loads(line) for text in texts for line in text.splitlines()]
        return [entry for entry in entries if (entry["record"] or {}).get("requestId") == "poison"]

    (entry,) = wait_for(kept)
    assert entry["reason"] == "bad_timestamp"


def test_a_failing_function_loses_nothing(deployed: Deployed) -> None:
    functions, name = deployed.cloud.client("lambda"), deployed.deployment.log_processor
    variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    s3, failures = deployed.cloud.client("s3"), deployed.bucket("FailureBucketName")
    unlucky = user("unlucky")

    def set_table(table: str) -> None:
        functions.update_function_configuration(
            FunctionName=name, Environment={"Variables": variables | {"LEDGER_TABLE": table}}
        )

    set_table("unreachable")
    try:
        deployed.log_calls(*calls(unlucky, 3))
        wait_for(lambda: s3.list_objects_v2(Bucket=failures).get("KeyCount"))
        assert deployed.ledger(unlucky) == []
        assert "1 are left" in make(deployed.cloud, "redrive", is_ok=False)
    finally:
        set_table(variables["LEDGER_TABLE"])

    assert "Processed 1 events; 0 are left." in make(deployed.cloud, "redrive")
    deployed.wait_for_tokens(unlucky, 45)
    assert s3.list_objects_v2(Bucket=failures).get("KeyCount") == 0

    an_hour_ago = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    assert "log events of" in make(deployed.cloud, "replay", f"FROM={an_hour_ago}")
    deployed.settle()
    assert deployed.tokens(unlucky) == 45
    assert len(deployed.ledger(unlucky)) == 3


BODY = json.dumps(
    {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "Who spends these tokens?"}],
    }
)
MESSAGES = [{"role": "user", "content": [{"text": "Who spends these tokens?"}]}]


def converse(client: Any) -> None:
    client.converse(modelId=MODEL, messages=MESSAGES)


def converse_stream(client: Any) -> None:
    list(client.converse_stream(modelId=MODEL, messages=MESSAGES)["stream"])


def invoke(client: Any) -> None:
    client.invoke_model(modelId=MODEL, body=BODY)


def invoke_stream(client: Any) -> None:
    list(client.invoke_model_with_response_stream(modelId=MODEL, body=BODY)["body"])


@pytest.mark.parametrize(
    ("name", "ways"),
    [
        ("ana", (converse, converse_stream)),
        ("ben", (invoke, invoke_stream)),
        ("cem", (converse, invoke, converse_stream, invoke_stream)),
    ],
)
def test_a_bedrock_call_is_on_the_metric_of_its_caller(
    deployed: Deployed, name: str, ways: tuple[Any, ...]
) -> None:
    iam = deployed.cloud.client("iam")
    iam.create_user(UserName=name)
    statement = {"Effect": "Allow", "Action": "bedrock:InvokeModel*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_user_policy(UserName=name, PolicyName="bedrock", PolicyDocument=policy)
    key = iam.create_access_key(UserName=name)["AccessKey"]
    client = deployed.cloud.client("bedrock-runtime", key["AccessKeyId"], key["SecretAccessKey"])
    for way in ways:
        way(client)
    wait_for(lambda: deployed.metric("Invocations", IdentityArn=user(name)) == len(ways))
    in_ledger = deployed.ledger(user(name))
    tokens = sum(int(item["input"]["N"]) + int(item["output"]["N"]) for item in in_ledger)
    assert deployed.tokens(user(name)) == tokens > 0
