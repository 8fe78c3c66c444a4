"""Deploys a meter of its own, checks it, and removes it again: `make verify-account`."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import boto3

from cdk.config import Config, stack_names
from cdk.operations.bootstrap_policies import check as check_policies
from cdk.operations.settings import read_settings
from cdk.operations.terminal import CommandError, confirm, printable
from cdk.operations.verification.check import Check, CheckFailedError, Result, Status, run_check
from cdk.operations.verification.estimate import estimate_minutes, estimate_usd
from cdk.operations.verification.gateway import GatewayOpener
from cdk.operations.verification.governance import GovernanceOpener
from cdk.operations.verification.metric_answers import MetricAnswers
from cdk.operations.verification.model_calls import CALLS, PricedModel, list_models
from cdk.operations.verification.preconditions import require_untouched_region
from cdk.operations.verification.registry import CHECKS
from cdk.operations.verification.removal import remove_all
from cdk.operations.verification.report import Report
from cdk.operations.verification.verified_meter import (
    CreditOpener,
    VerifiedMeter,
    WebhookOpener,
)
from cdk.operations.verification.waiting import Waiting
from cdk.operations.verification.webhook_check import make_webhook
from lambdas.domain.webhooks import InvalidWebhookError, check_webhook
from lambdas.domain.words import plural

_ROOT = Path(__file__).resolve().parents[3]
# The deployment is for one Region, and notifies the verification's own queue alone.
_CREDENTIALS = frozenset(
    {"AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}
)
_SETTINGS = (
    *("regions=", "notify_emails=", "notify_https="),
    *("existing_logging=refuse", "adopted_log_group="),
)


@dataclass(frozen=True, slots=True)
class VerificationRequest:
    """The options that an operator chose.

    Attributes:
        cdk: The CDK's command line.
        context: Settings for the deployment, as `NAME=VALUE`.
        report: The file for the report.
        store_metrics: The folder for CloudWatch's answers; `None` to store none.
        is_confirmed: True to start without a question.
        open_governance: Opens the budgets and the brake of the deployment.
        open_gateway: Opens the keys and policies of its gateway.
        open_credits: Opens the books of its credits.
        open_webhooks: Opens the receivers of its webhooks.
        receiver_url: The address of a receiver for a test event; `None` to send none.
    """

    cdk: Path
    context: tuple[str, ...] = ()
    report: Path = Path("verification.json")
    store_metrics: Path | None = None
    is_confirmed: bool = False
    open_governance: GovernanceOpener | None = None
    open_gateway: GatewayOpener | None = None
    open_credits: CreditOpener | None = None
    open_webhooks: WebhookOpener | None = None
    receiver_url: str | None = field(default=None, repr=False)

    @property
    def settings(self) -> tuple[str, ...]:
        """All settings of the deployment that differ from `cdk.json`."""
        return (*self.context, *_SETTINGS)


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
        waiting = [self.deployment, *self.checks]
        try:
            while waiting:
                if self._run(waiting[0]) is not Status.PASSED and waiting[0] is self.deployment:
                    break
                del waiting[0]
        except BaseException:
            stopped = waiting.pop(0)
            self.results.append(Result(stopped.name, Status.INTERRUPTED, "the command ended", 0))
            print(f"Interrupted during: {stopped.name}", flush=True)
            raise
        finally:
            self.results += [
                Result(check.name, Status.NOT_RUN, "", 0)
                for check in waiting
                if check is not self.deployment
            ]
            print("Removing everything ...", flush=True)
            self.left = ["all of it: the removal was interrupted"]
            self.left = remove_all(self.meter.session, self.meter.waiting)

    def _run(self, check: Check) -> Status:
        print(f"{check.name} ...", flush=True)
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
    _require_writable(request)
    _require_own_settings(request)
    config = read_settings(request.settings)
    receiver = _check_receiver(config, request.receiver_url)
    require_untouched_region(session)
    check_policies(session, config, context=request.context)
    models = list_models(session)
    if not models:
        message = f"{session.region_name} has no on-demand text model with a known price."
        raise CommandError(message)
    estimated_usd = estimate_usd(config, models)
    if not request.is_confirmed:
        _confirm(session, config, models, f"{estimated_usd:.2f}", receiver)
    answers = MetricAnswers(session.client("cloudwatch"), request.store_metrics)
    meter = VerifiedMeter(
        session,
        config,
        waiting or Waiting(),
        answers,
        open_governance=request.open_governance,
        open_gateway=request.open_gateway,
        open_credits=request.open_credits,
        open_webhooks=request.open_webhooks,
        receiver_url=request.receiver_url,
    )
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
            names=meter.caller_names,
        )
        if verification.left:
            print("Not removed, and may cost money:", *verification.left, sep="\n  ")
        request.report.write_text(report.to_json(), encoding="utf-8")
        print(f"Report: {request.report}")
    _raise_problems(verification)


def remove_verification(
    session: boto3.Session, *, is_confirmed: bool = False, waiting: Waiting | None = None
) -> None:
    """Ask, then remove what an aborted verification left.

    Raises:
        CommandError: It was not confirmed, or something is still left.
    """
    if not is_confirmed:
        account = session.client("sts").get_caller_identity()["Account"]
        print(
            f"This deletes {stack_names.PREFIX}-* with all its data in account {account},"
            f" {session.region_name}. No verification may be running there."
        )
        confirm("remove", otherwise="nothing was removed.")
    if left := remove_all(session, waiting or Waiting()):
        message = "not everything was removed:"
        raise CommandError(message, *left)
    print(f"No {stack_names.PREFIX} is left in {session.region_name}.")


def _require_writable(request: VerificationRequest) -> None:
    """Check, before half an hour of work, that its report and answers can be written.

    Raises:
        CommandError: They cannot.
    """
    try:
        request.report.open("a", encoding="utf-8").close()
        if request.store_metrics is not None:
            request.store_metrics.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        message = f"{error.filename} cannot be written: {error.strerror}."
        raise CommandError(message) from error


def _require_own_settings(request: VerificationRequest) -> None:
    """Refuse settings that would reach outside the Region, or the logs of others.

    Raises:
        CommandError: A setting is one of these.
    """
    fixed = {setting.partition("=")[0] for setting in _SETTINGS}
    if refused := fixed & {setting.partition("=")[0] for setting in request.context}:
        message = f"a verification does not take the setting {', '.join(sorted(refused))}."
        raise CommandError(message)


def _check_receiver(config: Config, url: str | None) -> str | None:
    """Check the address of a receiver before half an hour of work, and return its host.

    Raises:
        CommandError: It cannot be called, or webhooks are off.
    """
    if url is None:
        return None
    if not config.webhooks:
        message = "a receiver was named, and webhooks are off: add -c webhooks=true to SET."
        raise CommandError(message)
    try:
        return check_webhook(make_webhook(url)).host
    except InvalidWebhookError as error:
        message = f"{error}."
    raise CommandError(message)


def _confirm(
    session: boto3.Session,
    config: Config,
    models: Sequence[PricedModel],
    usd: str,
    receiver: str | None,
) -> None:
    """Ask for a typed confirmation.

    Raises:
        CommandError: It was not given.
    """
    account = session.client("sts").get_caller_identity()["Account"]
    brake = (
        " It makes a role, which the brake denies and releases, and deletes it."
        if config.brake
        else ""
    )
    gateway = (
        " It makes a key of the gateway, calls the model with it until a limit refuses it, and"
        " revokes it."
        if config.gateway
        else ""
    )
    webhook = "" if receiver is None else f" It sends a test event to {printable(receiver)}."
    content = ", with prompts and completions, until the removal" if config.log_content else ""
    print(
        f"This deploys {stack_names.PREFIX}-* into account {account}, {session.region_name}, calls"
        f" a model {CALLS} times ({models[0].model_id}, or the next one that the account can use),"
        f" checks the meter and removes it with all its data.{brake}{gateway}{webhook} It"
        f" takes about {estimate_minutes(config)} minutes and"
        f" costs at most ${usd}. While it runs, other callers' calls in this Region are"
        f" logged{content}, and counted. A meter in another Region may report calls outside its"
        " logs."
    )
    confirm("verify", otherwise="nothing was deployed.")


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
        # Variables of the shell may name another account than the session.
        shell = {name: value for name, value in os.environ.items() if name not in _CREDENTIALS}
        environment = {**shell, **_read_credentials(meter.session)}
        environment |= {"AWS_REGION": region, "AWS_DEFAULT_REGION": region}
        code = subprocess.run(  # noqa: S603  # the CDK, with the operator's own settings
            command, cwd=_ROOT, env=environment, check=False
        ).returncode
    if code:
        message = f"cdk deploy ended with exit code {code}: its own output says why"
        raise CheckFailedError(message)
    return f"{len(meter.config.stacks)} stacks"


def _read_credentials(session: boto3.Session) -> dict[str, str]:
    """Read the credentials of the session, so that the CDK deploys into the same account.

    Raises:
        CheckFailedError: There are none.
    """
    credentials = session.get_credentials()
    if credentials is None:
        message = "there are no credentials"
        raise CheckFailedError(message)
    key = credentials.get_frozen_credentials()
    found = {
        "AWS_ACCESS_KEY_ID": key.access_key,
        "AWS_SECRET_ACCESS_KEY": key.secret_key,
        "AWS_SESSION_TOKEN": key.token,
    }
    return {name: value for name, value in found.items() if value}


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
