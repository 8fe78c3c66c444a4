"""The name of the deployment that this process belongs to, from which all other names derive.

It is read once, since a function belongs to one deployment and a command works on one.
"""

from __future__ import annotations

import os

DEFAULT_NAME = "BedrockMeter"
NAME_VARIABLE = "METER_NAME"
METER_NAME = os.environ.get(NAME_VARIABLE) or DEFAULT_NAME
"""The beginning of the names of stacks and resources, and the namespace of metrics."""
GATEWAY_CALLER = "GatewayCaller"
"""The name of the gateway's role of callers, between that of the deployment and the Region."""
