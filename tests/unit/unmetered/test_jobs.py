"""Batch jobs and asynchronous invocations are read from events, and named in notices."""

from typing import Any

import pytest

from lambdas.domain.unmetered import (
    AsyncInvocation,
    BatchJob,
    async_notice,
    batch_notice,
    count_by_model,
)
from tests.builders import NOON

ACCOUNT = "arn:aws:bedrock:us-east-1:123456789012"
JOB = f"{ACCOUNT}:model-invocation-job/abcdefghwxyz"
INVOCATION = f"{ACCOUNT}:async-invoke/p24qm5pye2qr"
REEL = "amazon.nova-reel-v1:1"
ROLE = "arn:aws:iam::123456789012:role/studio"


def batch_detail(**changes: Any) -> dict[str, Any]:
    """The detail of Bedrock's own event, as it is documented."""
    return {
        "version": "0.0",
        "accountId": "123456789012",
        "batchJobName": "nightly",
        "batchJobArn": JOB,
        "batchModelId": "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-3-haiku",
        "status": "Submitted",
        "failureMessage": "",
        "creationTime": "Aug 28, 2026, 10:47:53 PM",
        **changes,
    }


def trail_detail(**changes: Any) -> dict[str, Any]:
    """A CloudTrail record of StartAsyncInvoke."""
    return {
        "eventSource": "bedrock.amazonaws.com",
        "eventName": "StartAsyncInvoke",
        "userIdentity": {
            "type": "AssumedRole",
            "arn": "arn:aws:sts::123456789012:assumed-role/studio/task-1",
            "sessionContext": {"sessionIssuer": {"arn": ROLE}},
        },
        "requestParameters": {"modelId": REEL},
        "responseElements": {"invocationArn": INVOCATION},
        **changes,
    }


def test_a_batch_job_is_named_with_its_model() -> None:
    job = BatchJob.from_detail(batch_detail())
    assert job == BatchJob(JOB, "anthropic.claude-3-haiku", "Submitted")
    notice = batch_notice(job)
    assert notice.subject == "Bedrock Meter: a batch job is not logged"
    assert f"{JOB} calls anthropic.claude-3-haiku (state: Submitted)" in notice.text


def test_all_events_of_a_batch_job_have_one_key() -> None:
    jobs = [BatchJob.from_detail(batch_detail(status=status)) for status in ("Submitted", "Failed")]
    assert len({job.key for job in jobs if job}) == 1


@pytest.mark.parametrize("arn", [None, 7, "", "nightly", f"{JOB}\nAll is well", f"{JOB} "])
def test_an_event_without_a_job_is_ignored(arn: object) -> None:
    assert BatchJob.from_detail(batch_detail(batchJobArn=arn)) is None


@pytest.mark.parametrize("model", [None, 7, "", "a model\n"])
def test_a_job_without_a_readable_model_is_still_a_job(model: object) -> None:
    job = BatchJob.from_detail(batch_detail(batchModelId=model, status=None))
    assert job == BatchJob(JOB, "unknown", "unknown")


def test_the_caller_of_a_trail_event_is_the_role_behind_the_session() -> None:
    invocation = AsyncInvocation.from_record(trail_detail(), NOON)
    assert invocation == AsyncInvocation(INVOCATION, REEL, NOON, ROLE)
    assert f"Caller: {ROLE}" in async_notice([invocation]).text


def test_the_caller_of_a_trail_event_can_be_a_user() -> None:
    user = "arn:aws:iam::123456789012:user/ana"
    invocation = AsyncInvocation.from_record(trail_detail(userIdentity={"arn": user}), NOON)
    assert invocation is not None
    assert invocation.caller == user


@pytest.mark.parametrize(
    "changes",
    [
        {"responseElements": None},
        {"responseElements": {}},
        {"responseElements": {"invocationArn": "x"}},
    ],
)
def test_a_failed_start_is_not_an_invocation(changes: dict[str, Any]) -> None:
    assert AsyncInvocation.from_record(trail_detail(**changes), NOON) is None


def test_a_record_without_parameters_or_caller_is_still_an_invocation() -> None:
    detail = trail_detail(requestParameters=None, userIdentity=None)
    assert AsyncInvocation.from_record(detail, NOON) == AsyncInvocation(INVOCATION, "unknown", NOON)


def test_invocations_of_a_model_and_day_share_one_key() -> None:
    model = "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-reel-v1:1"
    listed = AsyncInvocation.listed(INVOCATION, model, NOON)
    assert listed.model == REEL
    reported = AsyncInvocation.from_record(trail_detail(), NOON)
    assert reported is not None
    assert listed.keys == (f"async/{REEL}/{NOON:%Y-%m-%d}",)
    assert reported.keys == (f"{listed.keys[0]}/{ROLE}", listed.keys[0])


def test_invocations_are_counted_by_model() -> None:
    models = ["b", "a", "b"]
    invocations = [AsyncInvocation.listed(INVOCATION, model, NOON) for model in models]
    assert list(count_by_model(invocations).items()) == [("b", 2), ("a", 1)]
    text = async_notice(invocations).text
    assert text.startswith("Models were invoked asynchronously:\n- b: 2\n- a: 1\n")
    assert "Caller" not in text
