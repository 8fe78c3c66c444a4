"""Names in the table `Governance`: budgets, alerts, the brake, keys, policies, webhooks.

| partition key | sort key | item |
|---|---|---|
| `budgets` | `revision` | the number of the last write |
| `budgets` | `budget#NAME` | a budget: its definition, generation and state |
| `alerts#BUDGET#GENERATION` | `PERIOD#LEVEL#THRESHOLD` | an alert: its content and state |
| `alerts#BUDGET#GENERATION` | `last#THRESHOLD` | the last alert: its level, the end of its period |
| `due-alerts` | `BUDGET#GENERATION#PERIOD#LEVEL#THRESHOLD` | a copy of an alert that is due |
| `forecast-errors` | `calibrated` | the errors that forecasts were calibrated with last |
| `forecast-errors` | `salt` | a random text by which the usage for a calibration is chosen |
| `deleted-budgets` | the revision, with zeros before it | the names that it deleted; the actor |
| `people` | an ARN | the id of a person in the audit trail |
| `audit-events` | an id | a change that has no item of its own, for the audit trail |
| `brake` | `switch` | the switch of the brake: who set it, and when; its mark |
| `brake-denies` | `ARN` | the deny of a caller |
| `brake-releases` | `ARN#BUDGET#GENERATION#PERIOD#DIGEST` | a release by hand; its mark |
| `brake-reactions` | `TIME#ARN` | a measured reaction time |
| `brake-events` | `ID` | an event of the brake |
| `due-brake-events` | `ID` | a copy of an event that is due |
| `api-keys` | the hash of a key | the owner, permissions and times of an API key |
| `credit-grants` | `grant#ID` | a grant of credits, what is left of it, and its version |
| `credit-entries` | `TIME#ID` | an entry of the books of credits: it never changes |
| `credit-cells#HOUR` | a digest of labels | the booked cost of a cell, and who has paid it |
| `credit-snapshots` | `TIME` | the balances of all accounts before a time |
| `credit-snapshots` | `closed` | the time before which no entry is booked any more |
| `credits` | `switch` | the switch that lets exhausted credits stop usage; its mark |
| `credit-alerts` | the digest of a scope | the alert of a scope: its content and state |
| `credit-exhausted` | the digest of a scope | a scope without credits, since when and why |
| `policies` | `limits` | the policies of the gateway, as JSON, and the number of the last write |
| `webhooks` | `webhook#ID` | a receiver of events: its filter, encrypted address and secrets |
| `webhook-deliveries#ID` | the id of an event | a delivery: the event, its state and last attempt |

Names of budgets hold no `#`. `LEVEL` is the usage that a threshold stands for. `THRESHOLD` is
`KIND#PERCENT#DIGEST`, with the digest of the value of a default budget, or nothing.
"""

from __future__ import annotations

from lambdas.domain import governance_keys

PARTITION_KEY, SORT_KEY = governance_keys.PARTITION_KEY, governance_keys.SORT_KEY
BUDGETS, REVISION_KEY = governance_keys.BUDGETS, governance_keys.REVISION_KEY
BUDGET_PREFIX = "budget#"
STATE = "state"
"""The attribute with the state of a budget."""
ANNOUNCED_AT = "announced_at"
"""The attribute with the time at which the meter saw a budget first."""
GENERATION = "generation"
"""The attribute with the generation of a budget."""
INTERRUPTED_AT = "interrupted_at"
"""The attribute with the time from which a budget could not be read, until it goes on."""
GAP = "gap"
"""The attribute with the time in which a budget's sums lack usage."""
DEFINITION = "definition"
"""The attribute with the definition of a budget."""
CHANGED_BY, CHANGE_ID = "changed_by", "change_id"
"""The attributes with the mark of the last change, by the meter or one of its commands."""
BUILT_ATTRIBUTES = (
    *(PARTITION_KEY, SORT_KEY, REVISION_KEY),
    *(STATE, ANNOUNCED_AT, GENERATION, INTERRUPTED_AT, GAP, CHANGED_BY, CHANGE_ID),
)
"""The attributes that are written and compared when a budget is built; not what it defines."""
ALERTS_PREFIX = "alerts#"
LAST_PREFIX = "last#"
DUE_ALERTS = "due-alerts"
"""The partition of alerts that are to be sent, which is empty most of the time."""
FORECAST_ERRORS = "forecast-errors"
"""The partition of calibrated errors, which one function writes."""
CALIBRATED = "calibrated"
"""The sort key of the item with the errors."""
SALT = "salt"
"""The sort key of the item with the salt, and its attribute."""
ERRORS = "errors"
"""The attribute of that item with the errors."""
DELETED_BUDGETS = "deleted-budgets"
DELETED_NAMES = "names"
PEOPLE = "people"
PERSON_ID = "person_id"
AUDIT_EVENTS = "audit-events"
BRAKE = "brake"
"""The partition of the switch."""
SWITCH_KEY = "switch"
IS_ON, SET_BY, SET_AT = "is_on", "set_by", "set_at"
"""The attributes of the switch."""
DENIES = "brake-denies"
RELEASES = "brake-releases"
CONTENT = "content"
"""The attribute of a deny, or of a release by hand, with the document of it."""
REACTIONS = "brake-reactions"
BRAKE_EVENTS = "brake-events"
DUE_BRAKE_EVENTS = "due-brake-events"
"""The partition of events of the brake that are to be sent."""
CREDIT_GRANTS = "credit-grants"
GRANT_PREFIX = "grant#"
CREDIT_ENTRIES = "credit-entries"
CREDIT_CELLS_PREFIX = "credit-cells#"
"""A partition for the booked cells of each hour; the start of the hour follows."""
CREDIT_SNAPSHOTS = "credit-snapshots"
CLOSED_KEY = "closed"
"""The sort key of the item with the time until which the books of credits are closed."""
CLOSED_UNTIL = "closed_until"
"""The attribute of that item with the time."""
CREDIT_ALERTS = "credit-alerts"
"""The partition of alerts of credits, one for each scope."""
CREDITS, CREDIT_EXHAUSTED = governance_keys.CREDITS, governance_keys.CREDIT_EXHAUSTED
_REVISION_DIGITS = 12


def write_revision(revision: int) -> str:
    """Write a revision so that texts have the order of numbers."""
    return f"{revision:0{_REVISION_DIGITS}}"
