"""Makes the policies that a deployment needs beforehand, and checks them: `make bootstrap`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

import boto3
from botocore.exceptions import ClientError

from cdk.config import Config
from cdk.operations.aws_errors import error_code
from cdk.operations.boundary import Boundary
from cdk.operations.deny_policy import DenyPolicy
from cdk.operations.deployer_policies import DeployerPolicy, Subject
from cdk.operations.managed_policy import ManagedPolicy, PolicyState
from cdk.operations.terminal import CommandError
from lambdas.meter_name import DEFAULT_NAME, METER_NAME

_ENVIRONMENT = re.compile(r"aws://\w+/(?P<region>[a-z0-9-]+)")


def list_needed(
    session: boto3.Session, config: Config, environments: Iterable[str] = ()
) -> list[ManagedPolicy]:
    """List the policies without which a deployment fails, of each Region.

    Args:
        session: The credentials, and the Region where no setting names others.
        config: The settings.
        environments: Arguments of the CDK's command line; `aws://ACCOUNT/REGION` arguments
            name the Regions.
    """
    iam, sts = session.client("iam"), session.client("sts")
    policies: list[ManagedPolicy] = []
    for region in list_regions(session, config, environments):
        policies.append(
            Boundary(
                *(iam, sts, region),
                adopted_log_group=config.adopted_log_group,
                has_brake=config.brake,
                has_brake_sessions=config.brake_sessions,
                has_gateway=config.gateway,
                has_traces=config.has_gateway_traces,
                has_webhooks=config.webhooks,
            )
        )
        if config.brake:
            policies.append(DenyPolicy(iam, sts, region))
    return policies


def list_regions(
    session: boto3.Session, config: Config, environments: Iterable[str] = ()
) -> list[str]:
    """List the Regions of a deployment; the arguments are those of `list_needed`."""
    named = [match["region"] for match in map(_ENVIRONMENT.fullmatch, environments) if match]
    return named or list(config.regions) or [str(session.region_name)]


def list_deployer_policies(
    session: boto3.Session, arguments: Iterable[str] = ()
) -> list[ManagedPolicy]:
    """List the deployer's policies that are in use.

    Args:
        session: The credentials.
        arguments: Arguments of the CDK's command line, which name the policies to be made.
    """
    iam, sts, text = session.client("iam"), session.client("sts"), " ".join(arguments)
    policies = (DeployerPolicy(iam, sts, str(session.region_name), subject) for subject in Subject)
    return [
        policy
        for policy in policies
        if policy.arn in text or policy.state() is not PolicyState.MISSING
    ]


def put(session: boto3.Session, config: Config, arguments: Iterable[str] = ()) -> None:
    """Make the policies, or bring them up to date.

    Args:
        session: The credentials.
        config: The settings.
        arguments: Arguments of the CDK's command line.
    """
    done = {
        PolicyState.MISSING: "made",
        PolicyState.OTHER: "brought up to date",
        PolicyState.CURRENT: "up to date",
    }
    given = list(arguments)
    for policy in (
        *list_needed(session, config, given),
        *list_deployer_policies(session, given),
    ):
        print(f"{policy.title} {policy.name}: {done[policy.put()]}.")


def check(
    session: boto3.Session,
    config: Config,
    environments: Iterable[str] = (),
    context: Iterable[str] = (),
) -> None:
    """Check the policies that a deployment needs.

    Args:
        session: The credentials.
        config: The settings.
        environments: Arguments of the CDK's command line, which may name Regions.
        context: The settings that do not come from cdk.json, as `NAME=VALUE`.

    Raises:
        CommandError: Roles could not be made, or could not do their work.
    """
    for policy in list_needed(session, config, environments):
        try:
            state = policy.state()
        except ClientError as error:
            if error_code(error) not in {"AccessDenied", "AccessDeniedException"}:
                raise
            print(f"{policy.title} {policy.name}: not readable with these credentials.")
            continue
        if state is PolicyState.OTHER and isinstance(policy, Boundary) and policy.still_has_brake():
            print(
                f"{policy.title} {policy.name}: still allows what the brake may do: run make"
                " bootstrap afterwards."
            )
            continue
        if state is not PolicyState.CURRENT:
            message = (
                f"the {policy.title.lower()} {policy.name} is {state.value}: run"
                f" {_bootstrap_command(policy.region, context)}."
            )
            raise CommandError(message)


def _bootstrap_command(region: str, context: Iterable[str]) -> str:
    name = f" METER_NAME={METER_NAME}" if METER_NAME != DEFAULT_NAME else ""
    options = " ".join(f"-c {shlex.quote(each)}" for each in context)
    settings = f" SET={shlex.quote(options)}" if options else ""
    return f"make bootstrap AWS_REGION={region}{name}{settings}"
