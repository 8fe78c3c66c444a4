"""Refuses settings that no longer have a deployed brake, until it can deny no caller."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import boto3
from botocore.exceptions import ClientError

from cdk.config import Config, stack_names
from cdk.operations.aws_errors import error_code
from cdk.operations.bootstrap_policies import list_regions
from cdk.operations.brake_state import find_attached_policies
from cdk.operations.denies import OpenBrake
from cdk.operations.deployment import Deployment
from cdk.operations.terminal import CommandError
from lambdas.domain.words import list_names

_SAME_SET = "If you deployed it with SET, use the same SET."
_SWITCH_OFF = (
    ".venv/bin/bedrock-meter deny switch off, then wait until bedrock-meter deny list is empty."
)
_DEPLOY = "make deploy, then make bootstrap."


def check_deploy(session: boto3.Session, config: Config, open_brake: OpenBrake) -> None:
    """Check that a deployment leaves no caller denied.

    CloudFormation removes the brake at the end of an update, and goes on if a release fails. A
    stack that the settings no longer have stays as it is, with a brake that goes on denying.

    Raises:
        CommandError: Governance is deployed, and not in the settings. Or the brake is, and is
            switched on or has policies attached.
    """
    for region, deployment in _read_deployments(session, config):
        has_brake = deployment.brake_controller is not None
        if not config.governance and deployment.status(stack_names.GOVERNANCE) is not None:
            raise _refuse_to_leave_governance(region, has_brake=has_brake)
        if has_brake and not config.brake:
            _check_brake_is_idle(session, region, open_brake)


def check_bootstrap(session: boto3.Session, config: Config, environments: Iterable[str]) -> None:
    """Check that no deployed brake loses its right to release callers.

    Args:
        session: The credentials, and the Region where nothing names others.
        config: The settings.
        environments: Arguments of the CDK's command line, which may name Regions.

    Raises:
        CommandError: The brake is deployed, and not in the settings.
    """
    for region, deployment in _read_deployments(session, config, environments):
        if deployment.brake_controller is not None and not config.brake:
            message = (
                f"the brake is deployed in {region}, but off in the settings. With their"
                f" permissions boundary it could not release callers: run make deploy first."
                f" {_SAME_SET}"
            )
            raise CommandError(message)


def _read_deployments(
    session: boto3.Session, config: Config, environments: Iterable[str] = ()
) -> Iterator[tuple[str, Deployment]]:
    """Read the deployments that the credentials may read, with their Regions."""
    for region in list_regions(session, config, environments):
        deployment = Deployment(session.client("cloudformation", region_name=region))
        try:
            deployment.status(stack_names.GOVERNANCE)
        except ClientError as error:
            if error_code(error) not in {"AccessDenied", "AccessDeniedException"}:
                raise
            print(f"Deployed stacks in {region}: not readable with these credentials.")
            continue
        yield region, deployment


def _refuse_to_leave_governance(region: str, *, has_brake: bool) -> CommandError:
    stack = stack_names.GOVERNANCE
    delete = f"aws cloudformation delete-stack --stack-name {stack} --region {region}"
    steps = [
        *([_SWITCH_OFF] if has_brake else []),
        f"{delete}, then wait until it is deleted. Its tables stay.",
        _DEPLOY if has_brake else "make deploy.",
    ]
    return CommandError(
        f"{stack} is deployed in {region}, but governance is off in the settings, so the CDK would"
        f" leave it running. {_SAME_SET} To remove it, run:",
        *(f"{number}. {step}" for number, step in enumerate(steps, 1)),
    )


def _check_brake_is_idle(session: boto3.Session, region: str, open_brake: OpenBrake) -> None:
    """Check that the brake of a Region is switched off, and has no policy attached.

    Raises:
        CommandError: It may deny callers.
    """
    attached = find_attached_policies(session.client("iam"), region)
    if open_brake(session, region).decisions.read_switch().is_on:
        reason = "the brake is switched on"
    elif attached:
        reason = f"these policies are still attached: {list_names(attached)}"
    else:
        return
    message = (
        f"the brake is deployed in {region}, but off in the settings, and {reason}. Callers could"
        f" stay denied. {_SAME_SET} To remove it, run:"
    )
    raise CommandError(message, f"1. {_SWITCH_OFF}", f"2. {_DEPLOY}")
