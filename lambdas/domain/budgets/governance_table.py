"""Names in the table of budgets, their alerts and the brake, `Governance`.

| partition key | sort key | item |
|---|---|---|
| `budgets` | `revision` | the number of the last write |
| `budgets` | `budget#NAME` | a budget: its definition, generation and state |
| `alerts#BUDGET#GENERATION` | `PERIOD#LEVEL#THRESHOLD` | an alert: its content and state |
| `alerts#BUDGET#GENERATION` | `last#THRESHOLD` | the last alert: its level, the end of its period |
| `due-alerts` | `BUDGET#GENERATION#PERIOD#LEVEL#THRESHOLD` | a copy of an alert that is due |
| `brake` | `switch` | the switch of the brake: who set it, and when |
| `brake-denies` | `ARN` | the deny of a caller |
| `brake-releases` | `ARN#BUDGET#GENERATION#PERIOD#DIGEST` | a release by hand |
| `brake-reactions` | `TIME#ARN` | a measured reaction time |
| `brake-events` | `ID` | an event of the brake |
| `due-brake-events` | `ID` | a copy of an event that is due |

Names of budgets hold no `#`. `LEVEL` is the usage that a threshold stands for. `THRESHOLD` is
`KIND#PERCENT#DIGEST`, with the digest of the value of a default budget, or nothing.
"""

from __future__ import annotations

PARTITION_KEY = "pk"
SORT_KEY = "sk"
BUDGETS = "budgets"
"""The partition of all budgets, which one query reads."""
REVISION_KEY = "revision"
"""The sort key of the item with the number of the last write, and its attribute."""
BUDGET_PREFIX = "budget#"
STATE = "state"
"""The attribute with the state of a budget."""
ANNOUNCED_AT = "announced_at"
"""The attribute with the time at which the meter saw a budget first."""
ALERTS_PREFIX = "alerts#"
LAST_PREFIX = "last#"
DUE_ALERTS = "due-alerts"
"""The partition of alerts that are to be sent, which is empty most of the time."""
BRAKE = "brake"
"""The partition of the switch."""
SWITCH_KEY = "switch"
DENIES = "brake-denies"
RELEASES = "brake-releases"
REACTIONS = "brake-reactions"
BRAKE_EVENTS = "brake-events"
DUE_BRAKE_EVENTS = "due-brake-events"
"""The partition of events of the brake that are to be sent."""
