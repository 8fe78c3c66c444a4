"""The monthly cost of webhooks."""

from __future__ import annotations

from decimal import Decimal

from cdk.config import Config
from cdk.operations.billed_metrics import HOURS_A_MONTH, count_webhook_alarm_metrics
from cdk.operations.cost_items import (
    GB,
    MILLION,
    READ_UNITS,
    WRITE_UNITS,
    CostItem,
    UnitPrices,
    price_function,
)

# An assumption, taken high: events of a month, each for one receiver.
DELIVERIES_A_MONTH = 1_000
# Of these, one in ten waits for a day, since its receiver is overloaded: a message each 15 minutes.
WAITS_A_MONTH = DELIVERIES_A_MONTH // 10 * 24 * 4
# Lambda asks each queue by five connections, and each request waits for 20 seconds.
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
QUEUES = 2
POLLS_A_MONTH = QUEUES * 5 * HOURS_A_MONTH * 3600 // 20
# Of a delivery: SQS is sent, received and deleted in both queues. KMS decrypts its address and two
# secrets. The table has a delivery of 20 KB at most, which is added, claimed and written.
SQS_REQUESTS_OF_A_DELIVERY = QUEUES * 3
KMS_REQUESTS_OF_A_DELIVERY = 3
WRITES_OF_A_DELIVERY = 3 * 20
READS_OF_A_DELIVERY = 2 * 5
SECONDS_OF_A_DELIVERY = Decimal(2)  # taken high
# Of a message that finds its delivery waiting: another one is sent, and its number is stored.
SQS_REQUESTS_OF_A_WAIT = 3
WRITES_OF_A_WAIT = 20
READS_OF_A_WAIT = 2 * 5
SECONDS_OF_A_WAIT = Decimal("0.2")
BYTES_OF_A_DELIVERY_LOG = 1_000


def webhook_cost(config: Config, prices: UnitPrices) -> list[CostItem]:
    """Estimate what webhooks add to the cost of a month."""
    if not config.webhooks:
        return []
    deliveries, waits = Decimal(DELIVERIES_A_MONTH), Decimal(WAITS_A_MONTH)
    alarms = count_webhook_alarm_metrics(config)
    requests = (
        POLLS_A_MONTH + deliveries * SQS_REQUESTS_OF_A_DELIVERY + waits * SQS_REQUESTS_OF_A_WAIT
    )
    write_usd, read_usd = prices[WRITE_UNITS] / MILLION, prices[READ_UNITS] / MILLION
    return [
        CostItem(
            "KMS",
            "webhooks: their key, and its requests",
            prices["kms_key_month"]
            + deliveries * KMS_REQUESTS_OF_A_DELIVERY / MILLION * prices["kms_requests_million"],
        ),
        CostItem(
            "SQS",
            f"webhooks: {QUEUES} queues, asked all the time",
            requests / MILLION * prices["sqs_requests_million"],
        ),
        price_function(
            f"webhooks: {DELIVERIES_A_MONTH:,} deliveries",
            deliveries * QUEUES + waits,
            deliveries * SECONDS_OF_A_DELIVERY + waits * SECONDS_OF_A_WAIT,
            prices,
        ),
        CostItem(
            "DynamoDB",
            "webhooks: their receivers and deliveries",
            (deliveries * WRITES_OF_A_DELIVERY + waits * WRITES_OF_A_WAIT) * write_usd
            + (deliveries * READS_OF_A_DELIVERY + waits * READS_OF_A_WAIT) * read_usd,
        ),
        CostItem(
            "CloudWatch Logs",
            "webhooks: what the functions log",
            (deliveries + waits) * BYTES_OF_A_DELIVERY_LOG / GB * prices["logs_ingested_gb"],
        ),
        CostItem(
            "CloudWatch",
            f"webhooks: {alarms} metrics watched by alarms",
            alarms * prices["alarm_metric_month"],
        ),
    ]
