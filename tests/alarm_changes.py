"""Events of CloudWatch's alarms, in the form of its documentation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from lambdas.domain.alarms import ALARM_CHANGE, ALARM_SOURCE, CONTRIBUTOR_CHANGE
from tests.builders import NOON

CONSOLE = "https://console.aws.amazon.com/health"
ACCOUNT, REGION = "111122223333", "us-east-1"
_QUERY = 'SELECT SUM(QuotaTokens) FROM SCHEMA("BedrockMeter", IdentityArn) GROUP BY IdentityArn'
GROUPED = [{"id": "m1", "expression": f"{_QUERY} ORDER BY SUM() DESC", "returnData": True}]


def crossed(threshold: str = "1000000.0") -> str:
    """CloudWatch's words for a threshold that was crossed."""
    return (
        "Threshold Crossed: 1 out of the last 1 datapoints [1200000.0 (08/09/26 11:00:00)] was"
        f" greater than or equal to the threshold ({threshold}) (minimum 1 datapoint for OK ->"
        " ALARM transition)."
    )


def alarm_change(
    name: str,
    state: str = "ALARM",
    previous: str | None = "OK",
    *,
    at: datetime = NOON,
    metrics: list[dict[str, Any]] | None = None,
    reason: str | None = None,
    **more: Any,
) -> dict[str, Any]:
    """An event of a change; of a series if there is no previous state."""
    detail: dict[str, Any] = {
        "alarmName": name,
        "configuration": {
            "description": f"Read the log. Dashboard: {CONSOLE} Runbook: x.md",
            "metrics": metrics or [metric()],
        },
        "state": {
            "value": state,
            "reason": crossed() if reason is None else reason,
            "timestamp": f"{at:%Y-%m-%dT%H:%M:%S}.989+0000",
        },
        **more,
    }
    if previous is not None:
        detail["previousState"] = {"value": previous, "timestamp": f"{at:%Y-%m-%dT%H}:00:00+0000"}
    return {
        "version": "0",
        "id": "c4c1c1c9-6542-e61b-6ef0-8c4d36933a92",
        "detail-type": ALARM_CHANGE if previous is not None else CONTRIBUTOR_CHANGE,
        "source": ALARM_SOURCE,
        "account": ACCOUNT,
        "time": f"{at:%Y-%m-%dT%H:%M:%S}Z",
        "region": REGION,
        "resources": [f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}"],
        "detail": detail,
    }


def metric(name: str = "QuotaTokens", **dimensions: str) -> dict[str, Any]:
    """A metric that an alarm watches."""
    named = {"namespace": "BedrockMeter", "name": name, "dimensions": dimensions}
    stat = {"metric": named, "period": 3600, "stat": "Sum"}
    return {"id": "m1", "metricStat": stat, "returnData": True}


def series_change(
    attributes: dict[str, str], state: str = "ALARM", *, name: str = "BedrockMeter-EveryIdentity"
) -> dict[str, Any]:
    """An event of one series of an alarm that watches several."""
    reason = (
        "Threshold Crossed: 1 datapoint was greater than or equal to the threshold (1000000.0)."
        " The most recent datapoint which crossed the threshold: [1200000.0 (08/09/26 11:00:00)]."
    )
    return alarm_change(
        f"{name}-Hour-Warning",
        state,
        None,
        metrics=GROUPED,
        reason=reason,
        alarmContributor={"id": "6d442278dba546f6", "attributes": attributes},
    )
