"""`make demo` as a newcomer runs it: deploys, notifies and checks its own figures.

The demo makes a deployment of its own, from a company's calls alone.
"""

import re
import subprocess
from decimal import Decimal

_TIME = r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}"
_AMOUNT = r"[\d,.]+"
_DOLLARS = rf"\${_AMOUNT}"
_OVER = "within one hour, over the warning threshold of"
_EVENT = re.compile(rf"^{_TIME} UTC  (?P<name>.+?)  +(?P<why>.+)$", re.MULTILINE)


def test_the_demo_shows_who_spent_what_who_was_notified_and_what_was_caught() -> None:
    process = subprocess.run(
        ["make", "-s", "demo"],  # noqa: S607  # the one that runs us
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    printed = process.stdout
    assert len([line for line in printed.splitlines() if line]) <= 72
    assert re.search(
        r"Deployed, as on AWS: \d+ stacks, \d+ functions, \d+ alarms, \d+ dashboards", printed
    )
    assert re.search(rf"4,003 calls from {_TIME} to {_TIME} UTC", printed)
    _check_events(printed)
    _check_budget(printed)
    _check_brake(printed)
    _check_spending(printed)
    _check_gateway(printed)
    _check_credits(printed)
    _check_webhook(printed)
    caught = printed.partition("Caught: ")[2]
    assert re.match(r"\d+ failed calls, .* by 111122223333 role/invoice-extraction", caught)
    assert "3 calls of amazon.nova-example-v1:0, which has no price" in caught
    assert "logging switched off" in caught
    assert "to the token" in caught
    assert "dashboards.html" in caught
    assert printed.count("Not evaluated") == 1


def _check_events(printed: str) -> None:
    """Check the notifications: each with a date, those of thresholds with unit and window."""
    events = [(match["name"], match["why"]) for match in _EVENT.finditer(printed)]
    warnings = {
        re.sub(rf": {_AMOUNT} quota tokens {_OVER} {_AMOUNT}$", "", why)
        for name, why in events
        if name == "BedrockMeter-EveryIdentity-Hour-Warning"
    }
    assert warnings == {
        "111122223333 role/invoice-extraction/invoice-extraction",
        "111122223333 role/document-search/document-search",
    }
    by_name = dict(events)
    assert [name for name, _ in events].count("BedrockMeter-EveryIdentity-Hour-Critical") == 1
    assert re.fullmatch(
        rf"the account: {_DOLLARS} {_OVER} \$10\.00",
        by_name["BedrockMeter-Account-Cost-Hour-Warning"],
    )
    health = [name for name in by_name if name.startswith("BedrockMeter-Health-")]
    assert health == ["BedrockMeter-Health-UnpricedCalls"]
    (tampering,) = (why for name, why in events if name.startswith("Bedrock Meter: invocation"))
    assert "logging is off; changed by 111122223333 user/contractor" in tampering


def _check_budget(printed: str) -> None:
    """Check the alert of the budget: its threshold, how much of how much, and its forecast."""
    assert re.search(
        r"budgets are applied: \$230 for project invoicing, and \$150 with a brake for each session"
        r" of invoice-extraction, for 21 days from",
        printed,
    )
    (alert,) = (
        (match["name"], match["why"])
        for match in _EVENT.finditer(printed)
        if match["name"].startswith("Bedrock budget")
    )
    name, why = alert
    assert name == "Bedrock budget invoicing: 80% reached"
    assert re.fullmatch(
        rf"{_DOLLARS} of \$230\.00 used, [89]\d(\.\d+)?%; forecast for the end of the period:"
        rf" {_DOLLARS}, with a \d+% probability of more than \$230\.00",
        why,
    )


def _check_brake(printed: str) -> None:
    """Check that one session is denied, and works again after its release."""
    (why,) = (
        match["why"] for match in _EVENT.finditer(printed) if "Bedrock brake" in match["name"]
    )
    session = "111122223333 role/invoice-extraction/invoice-extraction"
    amount = rf"{_DOLLARS} of \$150\.00 used, 1\d\d(\.\d+)?%"
    assert re.fullmatch(rf"{session} until {_TIME} UTC: {amount}", why)
    assert (
        f"Denied: {session}. Its next call is refused (AccessDeniedException); that of another"
        " session of its role is answered.\nReleased, with bedrock-meter deny release: its next"
        " call is answered, and it stays released until the period ends."
    ) in printed


def _check_spending(printed: str) -> None:
    """Check that each identity has dollars, and that there are a total and the projects."""
    table = printed.partition("Spent from ")[2].partition("By project: ")[0].splitlines()
    rows = [line.split() for line in table[2:] if line]
    assert len(rows) == 10
    assert all(re.fullmatch(_DOLLARS, row[-1]) for row in rows)
    assert rows[-1][0] == "Total"
    (projects,) = re.findall(r"^By project: (.*)$", printed, re.MULTILINE)
    names = re.findall(rf"(\S+) {_DOLLARS}", projects)
    assert {*names} == {"invoicing", "search", "support", "engineering", "unattributed"}


def _check_gateway(printed: str) -> None:
    """Check that one tier runs out, is refused and recovers, while the other goes on."""
    text = printed.partition("\nCaller ")[2].partition("\nA call reserves")[0]
    rows = [re.split(r" {2,}", line.strip()) for line in text.splitlines()[1:]]
    first, *middle, gold, waited, too_large = rows
    *answered, refused = middle
    assert first[:4] == ["checkout@example.com", "gold", "Converse", "answered"]
    assert gold[:4] == ["checkout@example.com", "gold", "ConverseStream", "answered"]
    assert {(*row[:2], row[3]) for row in answered} == {("trial@example.com", "free", "answered")}
    assert "ConverseStream" in {row[2] for row in (*answered, waited)}
    assert refused[3:5] == ["ThrottlingException: too little of the limit is left", "-"]
    assert waited[:3] == refused[:3]
    assert re.fullmatch(r"answered after a wait of [1-6]\.\d s", waited[3])
    assert too_large[3].startswith("ServiceQuotaExceededException: ")
    assert re.search(
        r'Headers of the throttled call: RateLimit: "tokens";r=\d+;t=[1-6]; RateLimit-Policy:'
        r' "tokens";q=6000;qu="total";w=5; Retry-After: [1-6]; x-amz-retry-after: \d+\.',
        printed,
    )
    role = "111122223333 role/BedrockMeter-GatewayCaller-us-east-1"
    for caller, calls in (("trial@example.com", len(answered) + 1), ("checkout@example.com", 2)):
        tokens = calls * int(first[4].replace(",", ""))
        assert f"{role}/{caller}: {calls} calls, {tokens:,} tokens" in printed


def _check_credits(printed: str) -> None:
    """Check that credits are low, then exhausted, and that what was burned is the rest."""
    alerts = [
        (match["name"], match["why"])
        for match in _EVENT.finditer(printed)
        if match["name"].startswith("Bedrock credits ")
    ]
    (low, low_why), (exhausted, exhausted_why) = alerts
    assert low == "Bedrock credits low: project pilot"
    assert re.fullmatch(rf"{_DOLLARS} of \$0\.0200 left, for {_AMOUNT} days", low_why)
    assert exhausted == "Bedrock credits exhausted: project pilot"
    assert exhausted_why == "$0 of $0.0200 left"
    states = re.findall(
        rf"^After (\d) calls: \$0\.02 granted, \$({_AMOUNT}) burned, \$({_AMOUNT}) left,"
        rf" \$({_AMOUNT}) overage, days left: {_AMOUNT} Checked: booked = counted",
        printed,
        re.MULTILINE,
    )
    assert [calls for calls, *_ in states] == ["5", "7"]
    for _, burned, left, overage in states:
        assert Decimal(burned) + Decimal(left) == Decimal("0.02") + Decimal(overage)
    assert [Decimal(overage) > 0 for *_, overage in states] == [False, True]


def _check_webhook(printed: str) -> None:
    """Check that each type of event arrived, and the one that failed first arrived again."""
    text = printed.partition("\nReceived (UTC)")[2].partition("\nEach signature was verified")[0]
    rows = [re.split(r" {2,}", line.strip()) for line in text.splitlines()[1:]]
    attempts = [row for row in rows if re.match(r"\d{4}-", row[0])]  # a title may take two lines
    delivered = {row[4] for row in attempts if row[3] == "204"}
    assert delivered >= {
        "usage.threshold_reached",
        "budget.threshold_reached",
        "brake.denied",
        "credits.low",
        "credits.exhausted",
    }
    (failed,) = (row for row in attempts if row[3] == "503")
    assert attempts[0] == failed
    assert [row[2:4] for row in attempts if row[1] == failed[1]] == [["1", "503"], ["2", "204"]]
    found = re.search(
        r"The receiver answered 503 once: that event came again after (\d+) s, under the same id"
        r" (evt_[0-9a-f]{32})\.",
        printed,
    )
    assert found is not None
    assert found[2].startswith(failed[1].removesuffix("..."))
