"""The time from a call to its metric and its notification: measured here, estimated for AWS."""

import json
import time
from statistics import quantiles

import pytest

from cdk.alarms.usage_alarms import EVALUATED_EVERY
from cdk.functions.metric_publisher import STREAM_WINDOW
from cdk.local_cloud.alarm_clients import open_alarm_clients
from cdk.local_cloud.subscriber import open_subscriber
from dashboards.cloudwatch import AlarmEvaluation
from tests.end_to_end.conftest import WARNING
from tests.end_to_end.deployed import Deployed, calls, user
from tests.local_cloud.waiting import wait_for

CALLS = 20


def test_the_freshness_of_metrics_and_notifications_is_printed(
    deployed: Deployed, capsys: pytest.CaptureFixture[str]
) -> None:
    to_metric, to_notification = [], []
    evaluation = AlarmEvaluation(open_alarm_clients(deployed.cloud))
    evaluation.evaluate()
    with open_subscriber(deployed.cloud, deployed.topic) as subscriber:
        for number in range(CALLS):
            hurried = user(f"hurried-{number}")
            start = time.monotonic()
            deployed.log_calls(*calls(hurried, 1, input={"inputTokenCount": WARNING}))
            wait_for(lambda identity=hurried: deployed.tokens(identity))  # type: ignore[misc]  # bound now
            to_metric.append(time.monotonic() - start)
            evaluation.evaluate()
            wait_for(
                lambda identity=hurried: any(  # type: ignore[misc]  # bound now
                    identity in message["Message"] for message in subscriber.messages
                )
            )
            to_notification.append(time.monotonic() - start)
    with capsys.disabled():
        print()
        for name, seconds in (("metric", to_metric), ("notification", to_notification)):
            cut = quantiles(seconds, n=20)
            figure = {
                "name": f"log_event_to_{name}",
                "p50": round(cut[9], 2),
                "p95": round(cut[18], 2),
                "unit": "s",
                "note": f"in the local cloud, {CALLS} calls, one after the other",
            }
            print(json.dumps(figure))
        windows = {"stream": STREAM_WINDOW.to_seconds(), "alarm": EVALUATED_EVERY.to_seconds()}
        figure = {
            "name": "our_own_windows_on_aws",
            "value": sum(windows.values()),
            "unit": "s",
            "note": f"{windows}; Bedrock's and CloudWatch Logs' delivery have no bound",
        }
        print(json.dumps(figure))
