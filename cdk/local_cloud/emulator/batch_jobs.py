"""Batch jobs end at once, and are listed with the names that AWS gives their fields.

MiniStack's jobs stay in progress, and no client reads the names of their fields. Nothing runs, and
nothing is written to S3.
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListModelInvocationJobs.html
"""

from __future__ import annotations

from typing import Any

from ministack.services import bedrock


def install() -> None:
    """Add it."""
    create = bedrock._create_model_invocation_job

    def create_as_aws(body: bytes) -> Any:
        status, headers, content = create(body)
        return status, headers, content.replace(b'"JobArn"', b'"jobArn"')

    bedrock._create_model_invocation_job = create_as_aws
    bedrock._list_model_invocation_jobs = _list


def _list(_: object) -> Any:
    jobs = bedrock._model_invocation_jobs.values()
    return bedrock._json({"invocationJobSummaries": [_summarize(job) for job in jobs]})


def _summarize(job: dict[str, Any]) -> dict[str, Any]:
    return {
        "jobArn": job["JobArn"],
        "jobName": job["JobName"],
        "modelId": job["BodyEcho"]["modelId"],
        "roleArn": job["RoleArn"],
        "status": "Completed",
        "submitTime": job["CreationTime"],
        "endTime": job["CreationTime"],
        "inputDataConfig": job["InputDataConfig"],
        "outputDataConfig": job["OutputDataConfig"],
    }
