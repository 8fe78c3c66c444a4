"""Names in the table of budgets, their alerts and errors of forecasts, `Governance`.

| partition key | sort key | item |
|---|---|---|
| `budgets` | `revision` | the number of the last write |
| `budgets` | `budget#NAME` | a budget: its definition, generation and state |
| `alerts#BUDGET#GENERATION` | `PERIOD#LEVEL#THRESHOLD` | an alert: its content and state |
| `alerts#BUDGET#GENERATION` | `last#THRESHOLD` | the last alert: its level, the end of its period |
| `due-alerts` | `BUDGET#GENERATION#PERIOD#LEVEL#THRESHOLD` | a copy of an alert that is due |
| `forecast-errors` | `calibrated` | the errors that forecasts were calibrated with last |
| `forecast-errors` | `salt` | a random text by which the usage for a calibration is chosen |

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
GENERATION = "generation"
"""The attribute with the generation of a budget."""
INTERRUPTED_AT = "interrupted_at"
"""The attribute with the time from which a budget could not be read, until it goes on."""
GAP = "gap"
"""The attribute with the time in which a budget's sums lack usage."""
BUILT_ATTRIBUTES = (
    *(PARTITION_KEY, SORT_KEY, REVISION_KEY),
    *(STATE, ANNOUNCED_AT, GENERATION, INTERRUPTED_AT, GAP),
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
