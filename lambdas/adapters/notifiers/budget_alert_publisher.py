"""Delivers alerts of budgets: as text and JSON to a topic, and as an event to the default bus."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import replace

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.notifiers.event_delivery import EventClient
from lambdas.domain.alerts import EVENT_SOURCE, Notice, Notifier
from lambdas.domain.budgets.budget_alerts import (
    BUDGET_ALERT_EVENT,
    AlertDetail,
    AlertNotDeliveredError,
    DeliveryWay,
)

_MAX_ENTRIES = 10
"""Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html"""


class BudgetAlertPublisher:
    """Delivers alerts in both ways; a failure of one does not stop the other."""

    def __init__(
        self,
        topic: Notifier,
        events: EventClient,
        dashboard_url: str,
        detail_type: str = BUDGET_ALERT_EVENT,
    ) -> None:
        """Deliver to a topic, and with an EventBridge client; programs get the dashboard's link.

        Args:
            topic: The topic.
            events: An EventBridge client.
            dashboard_url: The address of the dashboard.
            detail_type: The detail type of the events: alerts of credits have another one.
        """
        self._topic = topic
        self._events = events
        self._dashboard_url = dashboard_url
        self._detail_type = detail_type

    def publish(
        self,
        notice: Notice,
        details: Sequence[AlertDetail],
        delivered: Collection[DeliveryWay] = (),
    ) -> None:
        """Deliver alerts in the ways that have not taken them before.

        Raises:
            AlertNotDeliveredError: One of the ways has not taken them.
        """
        texts = [json.dumps({**detail, "dashboard_url": self._dashboard_url}) for detail in details]
        if len(texts) == 1:
            notice = replace(notice, detail=texts[0])
        taken, failures = set(delivered), []
        if DeliveryWay.EVENT not in taken:
            try:
                self._put_events(texts)
                taken.add(DeliveryWay.EVENT)
            except (AlertNotDeliveredError, BotoCoreError, ClientError) as error:
                failures.append(f"EventBridge: {error}")
        if DeliveryWay.MESSAGE not in taken:
            try:
                self._topic.publish(notice)
                taken.add(DeliveryWay.MESSAGE)
            except (BotoCoreError, ClientError) as error:
                failures.append(f"SNS: {error}")
        if failures:
            raise AlertNotDeliveredError("; ".join(failures), taken)

    def _put_events(self, texts: Sequence[str]) -> None:
        for start in range(0, len(texts), _MAX_ENTRIES):
            entries = [
                {"Source": EVENT_SOURCE, "DetailType": self._detail_type, "Detail": text}
                for text in texts[start : start + _MAX_ENTRIES]
            ]
            answer = self._events.put_events(Entries=entries)
            if answer["FailedEntryCount"]:
                codes = {entry["ErrorCode"] for entry in answer["Entries"] if "ErrorCode" in entry}
                raise AlertNotDeliveredError(", ".join(sorted(codes)))
