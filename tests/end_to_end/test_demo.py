"""`make demo` as a newcomer runs it: deploys, notifies and checks its own figures."""

import subprocess
from itertools import pairwise


def test_the_demo_notifies_of_crossed_thresholds_and_checks_every_total() -> None:
    process = subprocess.run(
        ["make", "-s", "demo"],  # noqa: S607  # the one that runs us
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    printed = process.stdout
    notified = {
        after.split(": ")[0].strip()
        for line, after in pairwise(printed.splitlines())
        if "EveryIdentity-Hour-Warning" in line
    }
    assert notified == {
        "111122223333 role/invoice-extraction/invoice-extraction",
        "111122223333 role/document-search/document-search",
    }
    assert printed.count("EveryIdentity-Hour-Critical") == 1
    assert 'ALARM: "BedrockMeter-Health-' not in printed
    assert "Not evaluated locally: alarm BedrockMeter-Health-LateCalls: the calls of" in printed
    assert "4,000 calls in 23 minutes" in printed
    assert "to the token" in printed
    projects = printed.split("by project")[1].split()
    assert {"invoicing", "search", "support", "engineering", "unattributed"} <= {*projects}
