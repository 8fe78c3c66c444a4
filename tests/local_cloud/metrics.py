"""Metrics of the local cloud."""

from datetime import UTC, datetime, timedelta

from cdk.local_cloud.cloud import LocalCloud


def sum_metric(cloud: LocalCloud, namespace: str, name: str, **dimensions: str) -> float | None:
    """The sum of a metric over all of its data in CloudWatch; `None` for no data."""
    now = datetime.now(UTC)
    (result,) = cloud.client("cloudwatch").get_metric_data(
        MetricDataQueries=[
            {
                "Id": "m",
                "MetricStat": {
                    "Metric": {
                        "Namespace": namespace,
                        "MetricName": name,
                        "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions.items()],
                    },
                    "Period": 3600,
                    "Stat": "Sum",
                },
            }
        ],
        StartTime=now - timedelta(days=14),
        EndTime=now + timedelta(hours=1),
    )["MetricDataResults"]
    return sum(result["Values"]) if result["Values"] else None
