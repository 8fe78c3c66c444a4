"""Webhooks: who receives which events, in which form, and how deliveries go on."""

from lambdas.domain.webhooks.deliveries import (
    Delivery,
    DeliveryAttempt,
    DeliveryState,
)
from lambdas.domain.webhooks.ports import (
    DeliveryQueue,
    DeliveryStore,
    ReceiverAnswer,
    ReceiverError,
    SecretBox,
    WebhookReceiver,
    WebhookStore,
)
from lambdas.domain.webhooks.subscription import (
    EventFilter,
    SealedSecret,
    WebhookFormat,
    WebhookSubscription,
)

__all__ = [
    "Delivery",
    "DeliveryAttempt",
    "DeliveryQueue",
    "DeliveryState",
    "DeliveryStore",
    "EventFilter",
    "ReceiverAnswer",
    "ReceiverError",
    "SealedSecret",
    "SecretBox",
    "WebhookFormat",
    "WebhookReceiver",
    "WebhookStore",
    "WebhookSubscription",
]
