"""The CDK app: one deployment per Region, of three to seven stacks."""

from __future__ import annotations

import os
import sys

from aws_cdk import App, Aws, Environment, Stack, Tags
from aws_cdk import aws_iam as iam

from cdk import nag
from cdk.components.bundle import BundlingError
from cdk.config import Config, ConfigurationError, stack_names
from cdk.config.boundary_name import boundary_name
from cdk.stacks.gateway import GatewayStack
from cdk.stacks.governance import GovernanceStack
from cdk.stacks.ingestion import IngestionStack
from cdk.stacks.monitoring import MonitoringStack
from cdk.stacks.reporting import ReportingStack
from cdk.stacks.storage import StorageStack
from cdk.stacks.webhooks import WebhooksStack

# Stack tags would reach the parameter too. When its tags change, CloudFormation writes the
# parameter again with the template's value, and the logging state would be lost.
# The right to tag a new key is the right to tag every key, so the deployer's policy denies it.
_UNTAGGED = ["aws:cdk:stack", "AWS::SSM::Parameter", "AWS::KMS::Key"]


def build(app: App, config: Config) -> None:
    """Put the stacks of every Region into an app.

    Raises:
        ConfigurationError: The settings are for another account.
    """
    if account := os.environ.get("CDK_DEFAULT_ACCOUNT"):
        config.check_account(account)
    for region in config.regions or (None,):
        for stack in _stacks(app, config, region):
            boundary = iam.ManagedPolicy.from_managed_policy_name(
                stack, "Boundary", boundary_name(Aws.REGION)
            )
            iam.PermissionsBoundary.of(stack).apply(boundary)
    for name, value in config.tags.items():
        Tags.of(app).add(name, value, exclude_resource_types=_UNTAGGED)
    nag.check(app)


def _stacks(app: App, config: Config, region: str | None) -> list[Stack]:
    """Make the stacks of a Region; `None` stands for that of the credentials."""
    environment = Environment(
        account=os.environ.get("CDK_DEFAULT_ACCOUNT"),
        region=region or os.environ.get("CDK_DEFAULT_REGION"),
    )
    suffix = f"-{region}" if region else ""
    storage = StorageStack(
        app, f"{stack_names.STORAGE}{suffix}", config=config, environment=environment
    )
    ingestion = IngestionStack(
        app,
        f"{stack_names.INGESTION}{suffix}",
        config=config,
        storage=storage,
        environment=environment,
    )
    reporting = None
    if stack_names.REPORTING in config.stacks:
        reporting = ReportingStack(
            app,
            f"{stack_names.REPORTING}{suffix}",
            config=config,
            storage=storage,
            ingestion=ingestion,
            environment=environment,
        )
    governance = None
    if stack_names.GOVERNANCE in config.stacks:
        governance = GovernanceStack(
            app,
            f"{stack_names.GOVERNANCE}{suffix}",
            config=config,
            storage=storage,
            environment=environment,
        )
    gateway = None
    if stack_names.GATEWAY in config.stacks:
        gateway = GatewayStack(
            app,
            f"{stack_names.GATEWAY}{suffix}",
            config=config,
            storage=storage,
            environment=environment,
        )
    webhooks = None
    if stack_names.WEBHOOKS in config.stacks:
        webhooks = WebhooksStack(
            app,
            f"{stack_names.WEBHOOKS}{suffix}",
            config=config,
            storage=storage,
            environment=environment,
        )
    monitoring = MonitoringStack(
        app,
        f"{stack_names.MONITORING}{suffix}",
        config=config,
        storage=storage,
        ingestion=ingestion,
        reporting=reporting,
        governance=governance,
        gateway=gateway,
        webhooks=webhooks,
        environment=environment,
    )
    stacks = (storage, ingestion, reporting, governance, gateway, webhooks, monitoring)
    return [stack for stack in stacks if stack]


def main() -> None:
    """Synthesize, as the CDK's command line asks for."""
    app = App()
    try:
        build(app, Config.from_context(app.node.get_all_context()))
    except (BundlingError, ConfigurationError) as error:
        sys.exit(str(error))
    app.synth()


if __name__ == "__main__":
    main()
