"""`make reprice` prints the deployed function's results, and what is still waiting."""

from typing import Any

import boto3
import pytest

from cdk.config import stack_names
from cdk.operations import reprice
from cdk.operations.terminal import CommandError
from tests.operations.deployed import RunningFunctions, deploy

NOTHING: dict[str, Any] = {
    "by_model": {},
    "too_old": 0,
    "waiting": {},
    "corrections": [],
    "reason": None,
}
CORRECTED = {
    "edition": "20260905T061500Z-00000000",
    "is_begun": True,
    "is_done": True,
    "raised_calls": 1200,
    "raised_usd": "3.10",
    "lowered_calls": 0,
    "lowered_usd": "0",
    "too_old_calls": 0,
    "unpriced_calls": 0,
}
REPRICED = {"calls": 1200, "usd": "0.31", "prices": ["contracted, from 2026-01-01"]}


@pytest.mark.parametrize(
    ("report", "printed"),
    [
        (NOTHING, "No calls wait for a price.\n"),
        (
            NOTHING | {"by_model": {"m": REPRICED}},
            "m: 1,200 calls cost 0.31 US dollars (contracted, from 2026-01-01)\n",
        ),
        (
            NOTHING | {"waiting": {"m": "2026-09-08"}},
            "m: calls since 2026-09-08 wait for a price",
        ),
        (NOTHING | {"too_old": 3}, "3 calls now have a price but are too old for CloudWatch"),
        (
            NOTHING | {"corrections": [CORRECTED]},
            "edition 20260905T061500Z-00000000 (superseded): 1,200 calls cost 3.10 US dollars more",
        ),
        (
            NOTHING | {"corrections": [CORRECTED | {"is_begun": False, "is_done": False}]},
            "edition 20260905T061500Z-00000000 (superseded): the corrected cost of its calls is",
        ),
        (
            NOTHING | {"corrections": [CORRECTED | {"is_done": False}]},
            "edition 20260905T061500Z-00000000 (superseded), so far: 1,200 calls",
        ),
        (NOTHING | {"reason": "no time"}, "Incomplete: no time. The next run continues.\n"),
    ],
)
def test_the_result_is_printed(
    aws: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    report: dict[str, Any],
    printed: str,
) -> None:
    deploy(stack_names.INGESTION)
    functions = RunningFunctions(refresher=lambda _: report)
    monkeypatch.setattr(reprice, "open_functions", lambda _: functions)
    reprice.reprice(boto3.Session())
    assert capsys.readouterr().out.startswith(printed)


def test_a_failing_function_is_named(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise RuntimeError

    deploy(stack_names.INGESTION)
    functions = RunningFunctions(refresher=fail)
    monkeypatch.setattr(reprice, "open_functions", lambda _: functions)
    with pytest.raises(CommandError, match="refresher failed with RuntimeError: its log group"):
        reprice.reprice(boto3.Session())


def test_corrections_that_no_metric_shows_are_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    left = {"lowered_calls": 5, "lowered_usd": "-2.00", "too_old_calls": 6, "unpriced_calls": 7}
    reprice.print_correction(CORRECTED | left)
    printed = capsys.readouterr().out
    assert "5 calls cost 2.00 US dollars less. Metrics keep the higher cost" in printed
    assert "6 calls cost more but are too old for CloudWatch" in printed
    assert "7 calls have no price without it" in printed
