"""Names that attack their viewers: callers choose session names, forgers any name."""

from __future__ import annotations

from typing import Any

from tests.invocation_logs import log

ROLE = "arn:aws:sts::111122223333:assumed-role/app"
HOSTILE_NAMES = {
    "terminal escapes": "\x1b[2J\x1b[31mred\x1b]0;title\x07\x9b31m",
    "rich markup": "[bold red]bold[/] [link=https://example.com]link[/link] :bomb:",
    "right to left": "admin\u202egnp.exe\u2066\u200f",
    "control characters": "a\r\nFORGED LINE\n\x08\x7f\x85\u2028b",
    "script": "<script>window.hacked=1</script><img src=x onerror=window.hacked=1>",
    "attribute": "\"' onmouseover='window.hacked=1' x=\"</script><!--",
    "formula": "=cmd|'/C calc'!A0",
    "very long": "x" * 100_000,
    "lookalikes": "\u0430dmin\u200b\u3164",
    "nul": "a\0b",
    "template": "${jndi:ldap://example.com/a}{{7*7}}$(id)`id`%s{0}",
    "prototype": "__proto__",
}


def hostile_logs() -> list[dict[str, Any]]:
    """A call of each name as the whole identity, as a session, and as a model."""
    logs = []
    for number, name in enumerate(HOSTILE_NAMES.values()):
        logs += [
            log(f"identity-{number}", identity={"arn": name}, operation=name, region=name),
            log(f"session-{number}", identity={"arn": f"{ROLE}/{name}"}, accountId=name),
            log(f"model-{number}", modelId=name, errorCode=name, inferenceRegion=name),
            log(f"unpriced-{number}", modelId=f"vendor.{name}", requestMetadata={"project": name}),
        ]
    return logs
