"""One check of a deployed meter, and its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from cdk.operations.deployment import NotDeployedError
from cdk.operations.invocation import FunctionFailedError

if TYPE_CHECKING:
    from cdk.operations.verification.verified_meter import VerifiedMeter


class Status(StrEnum):
    """The outcome of a check."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"
    NOT_RUN = "not run"


class CheckFailedError(Exception):
    """The meter does not do what it should. The text says what was found."""


class CheckSkippedError(Exception):
    """The check does not apply. The text says why."""


@dataclass(frozen=True, slots=True)
class Check:
    """A check.

    Attributes:
        name: Its name in reports.
        run: Returns what it found, or raises `CheckFailedError` or `CheckSkippedError`.
        function: The scheduled function that it starts, by its construct's name; `None` for none.
    """

    name: str
    run: Callable[[VerifiedMeter], str]
    function: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """The result of a check.

    Attributes:
        name: The name of the check.
        status: Its outcome.
        reason: What was found, or why the check was skipped.
        seconds: The time that it took.
    """

    name: str
    status: Status
    reason: str
    seconds: float


def run_check(check: Check, meter: VerifiedMeter) -> Result:
    """Run a check; any error fails it, so that one check never ends a verification."""
    begin = meter.waiting.clock()
    try:
        status, reason = Status.PASSED, check.run(meter)
    except CheckSkippedError as error:
        status, reason = Status.SKIPPED, str(error)
    except (CheckFailedError, FunctionFailedError, NotDeployedError) as error:
        status, reason = Status.FAILED, str(error)
    except (BotoCoreError, ClientError) as error:
        status, reason = Status.FAILED, " ".join(str(error).split())
    except Exception as error:  # noqa: BLE001  # a live account gives answers that no test foresees
        status, reason = Status.FAILED, " ".join(f"{type(error).__name__}: {error}".split())
    return Result(check.name, status, reason, round(meter.waiting.clock() - begin, 1))
