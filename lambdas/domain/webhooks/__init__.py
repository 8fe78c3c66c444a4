"""Webhooks: who receives which events, in which form, and how deliveries go on.

The module `signing` is imported by itself: only the sender has its library.
"""

from lambdas.domain.webhooks.attempts import (
    DEFAULT_PAUSE,
    GONE,
    MAX_ATTEMPTS,
    MAX_PAUSE,
    RETRY_WAITS,
    Conclusion,
    conclude,
    disable_delivery,
    find_due_time,
    restart_delivery,
)
from lambdas.domain.webhooks.bodies import write_body
from lambdas.domain.webhooks.body_text import MAX_BODY_BYTES, Origin
from lambdas.domain.webhooks.deliveries import Delivery, DeliveryAttempt, DeliveryState
from lambdas.domain.webhooks.ports import (
    DeliveryQueue,
    DeliveryStore,
    ReceiverAnswer,
    ReceiverError,
    SecretBox,
    WebhookReceiver,
    WebhookStore,
)
from lambdas.domain.webhooks.redaction import redact
from lambdas.domain.webhooks.secrets import (
    RANDOM_BYTES,
    SECRET_OVERLAP,
    list_valid,
    make_secret,
    rotate_secrets,
)
from lambdas.domain.webhooks.subscription import (
    EventFilter,
    SealedSecret,
    WebhookFormat,
    WebhookSubscription,
)
from lambdas.domain.webhooks.subscription_rules import (
    MAX_WEBHOOKS,
    InvalidWebhookError,
    NewWebhook,
    check_webhook,
)
from lambdas.domain.webhooks.templates import TEMPLATE_NAMES

__all__ = [
    "DEFAULT_PAUSE",
    "GONE",
    "MAX_ATTEMPTS",
    "MAX_BODY_BYTES",
    "MAX_PAUSE",
    "MAX_WEBHOOKS",
    "RANDOM_BYTES",
    "RETRY_WAITS",
    "SECRET_OVERLAP",
    "TEMPLATE_NAMES",
    "Conclusion",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryQueue",
    "DeliveryState",
    "DeliveryStore",
    "EventFilter",
    "InvalidWebhookError",
    "NewWebhook",
    "Origin",
    "ReceiverAnswer",
    "ReceiverError",
    "SealedSecret",
    "SecretBox",
    "WebhookFormat",
    "WebhookReceiver",
    "WebhookStore",
    "WebhookSubscription",
    "check_webhook",
    "conclude",
    "disable_delivery",
    "find_due_time",
    "list_valid",
    "make_secret",
    "redact",
    "restart_delivery",
    "rotate_secrets",
    "write_body",
]
