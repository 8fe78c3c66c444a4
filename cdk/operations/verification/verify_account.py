"""Deploys a meter of its own, checks it, and removes it again: `make verify-account`."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import boto3

from cdk.config import stack_names
from cdk.operations.boundary import check as check_boundary
from cdk.operations.settings import read_settings
from cdk.operations.terminal import CommandError, printable
from cdk.operations.verification.check import Check, CheckFailedError, Result, Status, run_check
from cdk.operations.verification.estimate import MINUTES, estimate_usd
from cdk.operations.verification.metric_answers import MetricAnswers
from cdk.operations.verification.model_calls import CALLS, PricedModel, list_models
from cdk.operations.verification.preconditions import require_untouched_region
from cdk.operations.verification.registry import CHECKS
from cdk.operations.verification.removal import remove_all
from cdk.operations.verification.report import Report
from cdk.operations.verification.verified_meter import VerifiedMeter
from cdk.operations.verification.waiting import Waiting
from lambdas.domain.words import plural

_ROOT = Path(__file__).resolve().parents[3]
# The deployment is for one Region, and notifies the verification's own queue alone.
_SETTINGS = ("regions=", "notify_emails=", "notify_https=")


@dataclass(frozen=True, slots=True)
class VerificationRequest:
    """The options that an operator chose.

    Attributes:
        cdk: The CDK's command line.
        context: Settings for the deployment, as `NAME=VALUE`.
        report: The file for the report.
        store_metrics: The folder for CloudWatch's answers; `None` to store none.
        is_confirmed: True to start without a question.
    """

    cdk: Path
    context: tuple[str, ...] = ()
    report: Path = Path("verification.json")
    store_metrics: Path | None = None
    is_confirmed: bool = False

    @property
    def settings(self) -> tuple[str, ...]:
        """All settings of the deployment that differ from `cdk.json`."""
        return (*_SETTINGS, *self.context)


@dataclass(slots=True)
class Verification:
    """One run, from the deployment to the removal.

    Attributes:
        meter: The meter to make and to check.
        deployment: Makes it.
        checks: The checks.
        results: What they have found so far.
        left: What could not be removed.
    """

    meter: VerifiedMeter
    deployment: Check
    checks: Sequence[Check] = CHECKS
    results: list[Result] = field(default_factory=list)
    left: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Deploy, check and remove; what was begun is removed after an interruption too."""
        try:
            if self._run(self.deployment) is Status.PASSED:
                for check in self.checks:
                    self._run(check)
        finally:
            print("Removing everything ...", flush=True)
            self.left = ["all of it: the removal was interrupted"]
            self.left = remove_all(self.meter.session, self.meter.waiting)

    def _run(self, check: Check) -> Status:
        result = run_check(check, self.meter)
        self.results.append(result)
        print(
            f"{result.status.value:<8}{result.name}: {printable(result.reason)}"
            f" ({result.seconds:.0f} s)",
            flush=True,
        )
        return result.status


def verify_account(
    session: boto3.Session, request: VerificationRequest, waiting: Waiting | None = None
) -> None:
    """Ask, then verify the account and write the report.

    Raises:
        CommandError: It cannot be verified here, a check failed, or something is left.
    """
    config = read_settings(request.settings)
    require_untouched_region(session)
    check_boundary(session, config)
    models = list_models(session)
    if not models:
        message = f"{session.region_name} offers no text model with a known price on demand."
        raise CommandError(message)
    estimated_usd = estimate_usd(config, models)
    if not request.is_confirmed:
        _confirm(session, models, f"{estimated_usd:.2f}")
    answers = MetricAnswers(session.client("cloudwatch"), request.store_metrics)
    meter = VerifiedMeter(session, config, waiting or Waiting(), answers)
    deployment = Check("deployment", lambda meter: _deploy(meter, request))
    verification = Verification(meter, deployment)
    begin, started_at = meter.waiting.clock(), datetime.now(UTC)
    is_interrupted = True
    try:
        verification.run()
        is_interrupted = False
    finally:
        report = Report(
            region=str(session.region_name),
            started_at=started_at,
            seconds=meter.waiting.clock() - begin,
            estimated_usd=estimated_usd,
            is_interrupted=is_interrupted,
            results=verification.results,
            left=verification.left,
        )
        request.report.write_text(report.to_json(), encoding="utf-8")
        print(f"Report: {request.report}")
        if verification.left:
            print("Not removed, and may cost money:", *verification.left, sep="\n  ")
    _raise_problems(verification)


def remove_verification(session: boto3.Session, waiting: Waiting | None = None) -> None:
    """Remove what an aborted verification left.

    Raises:
        CommandError: Something is still left.
    """
    if left := remove_all(session, waiting or Waiting()):
        message = "not everything was removed:"
        raise CommandError(message, *left)
    print(f"No {stack_names.PREFIX} is left in {session.region_name}.")


def _confirm(session: boto3.Session, models: Sequence[PricedModel], usd: str) -> None:
    """Ask for a typed confirmation.

    Raises:
        CommandError: It was not given.
    """
    account = session.client("sts").get_caller_identity()["Account"]
    print(
        f"This deploys {stack_names.PREFIX}-* into account {account}, {session.region_name}, calls"
        f" a model {CALLS} times ({models[0].model_id}, or the next one that the account may use),"
        f" checks the meter and removes it with all its data. It takes about {MINUTES} minutes and"
        f" costs at most ${usd}. Meanwhile calls of others in this Region are logged and counted."
    )
    answer = ""
    with suppress(EOFError):
        answer = input("Type 'verify' to go on: ")
    if answer.strip() != "verify":
        message = "nothing was deployed."
        raise CommandError(message)


def _deploy(meter: VerifiedMeter, request: VerificationRequest) -> str:
    """Deploy all stacks by the CDK's command line.

    Raises:
        CheckFailedError: The deployment failed; the CDK has printed why.
    """
    region = str(meter.session.region_name)
    context = [part for setting in request.settings for part in ("-c", setting)]
    with tempfile.TemporaryDirectory(prefix="bedrock-meter-verify-") as folder:
        command = [
            *(str(request.cdk.absolute()), "deploy", "--all", "--no-notices"),
            *("--require-approval", "never", "--output", folder, *context),
        ]
        environment = {**os.environ, "AWS_REGION": region, "AWS_DEFAULT_REGION": region}
        code = subprocess.run(  # noqa: S603  # the CDK, with the operator's own settings
            command, cwd=_ROOT, env=environment, check=False
        ).returncode
    if code:
        message = f"cdk deploy ended with exit code {code}: its own output says why"
        raise CheckFailedError(message)
    return f"{len(meter.config.stacks)} stacks"


def _raise_problems(verification: Verification) -> None:
    """Raise if a check failed or something is left.

    Raises:
        CommandError: The problems, one a line.
    """
    failed = [
        f"{result.name}: {result.reason}"
        for result in verification.results
        if result.status is Status.FAILED
    ]
    problems = [*failed, *(f"not removed: {name}" for name in verification.left)]
    if problems:
        message = f"{plural(len(problems), 'problem')}:"
        raise CommandError(message, *problems)
