"""Webhooks: who receives which events, in which form, and how deliveries go on.

The module `signing` is imported by itself: only the sender has its library.
"""

from lambdas.domain.webhooks.attempts import (
    DEFAULT_PAUSE,
    GONE,
    MAX_ATTEMPTS,
    MAX_DELIVERY_AGE,
    MAX_PAUSE,
    MAX_SPREAD,
    RETRY_WAITS,
    Conclusion,
    belongs_to,
    compute_spread,
    conclude,
    disable_delivery,
    fail_delivery,
    find_due_time,
    is_dropped,
    is_too_old,
    restart_delivery,
    start_delivery,
)
from lambdas.domain.webhooks.bodies import write_body
from lambdas.domain.webhooks.body_text import MAX_BODY_BYTES, Origin
from lambdas.domain.webhooks.deliveries import (
    MAX_MESSAGE_NUMBER,
    Delivery,
    DeliveryAttempt,
    DeliveryMessage,
    DeliveryState,
)
from lambdas.domain.webhooks.ports import (
    DeliveryQueue,
    DeliveryStore,
    ReceiverAnswer,
    ReceiverError,
    SecretBox,
    SlowReceiverError,
    UnreadableWebhookError,
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
    check_receiver,
    check_webhook,
)
from lambdas.domain.webhooks.templates import TEMPLATE_NAMES

__all__ = [
    "DEFAULT_PAUSE",
    "GONE",
    "MAX_ATTEMPTS",
    "MAX_BODY_BYTES",
    "MAX_DELIVERY_AGE",
    "MAX_MESSAGE_NUMBER",
    "MAX_PAUSE",
    "MAX_SPREAD",
    "MAX_WEBHOOKS",
    "RANDOM_BYTES",
    "RETRY_WAITS",
    "SECRET_OVERLAP",
    "TEMPLATE_NAMES",
    "Conclusion",
    "Delivery",
    "DeliveryAttempt",
    "DeliveryMessage",
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
    "SlowReceiverError",
    "UnreadableWebhookError",
    "WebhookFormat",
    "WebhookReceiver",
    "WebhookStore",
    "WebhookSubscription",
    "belongs_to",
    "check_receiver",
    "check_webhook",
    "compute_spread",
    "conclude",
    "disable_delivery",
    "fail_delivery",
    "find_due_time",
    "is_dropped",
    "is_too_old",
    "list_valid",
    "make_secret",
    "redact",
    "restart_delivery",
    "rotate_secrets",
    "start_delivery",
    "write_body",
]
