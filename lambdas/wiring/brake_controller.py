"""The brake of `brake_controller`, over IAM and the table of budgets."""

from __future__ import annotations

import boto3

from lambdas.adapters.dynamodb.audit_events import DynamoDbAuditEvents
from lambdas.adapters.dynamodb.brake_events import DynamoDbBrakeEvents
from lambdas.adapters.dynamodb.brake_store import DynamoDbBrakeState, DynamoDbDenies
from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.counters import DynamoDbCounters
from lambdas.adapters.iam.deny_attachments import IamDenyAttachments
from lambdas.adapters.iam.role_directory import IamRoleDirectory
from lambdas.adapters.iam.session_policies import IamSessionPolicies
from lambdas.domain.brake import BurnRates, SessionPolicyNames, TargetRules
from lambdas.meter_name import METER_NAME
from lambdas.services.brake_principals import BrakeSettings, PrincipalBrake
from lambdas.wiring.brake_settings import BrakingSettings
from lambdas.wiring.client_timeouts import PROMPT
from lambdas.wiring.credit_state import make_credit_state


def make_brake(settings: BrakingSettings) -> PrincipalBrake:
    """Make a brake in the account that the function runs in."""
    _, partition, _, _, account_id, _ = settings.deny_policy_arn.split(":", 5)
    dynamodb = boto3.client("dynamodb", config=PROMPT)
    iam = boto3.client("iam", config=PROMPT)
    table = settings.governance_table
    names = SessionPolicyNames(METER_NAME, settings.region)
    return PrincipalBrake(
        budgets=DynamoDbBudgetStore(dynamodb, table),
        sums=DynamoDbCounters(dynamodb, settings.counter_table),
        attachments=IamDenyAttachments(iam, settings.deny_policy_arn),
        policies=IamSessionPolicies(iam, names, partition=partition, account_id=account_id),
        roles=IamRoleDirectory(iam),
        denies=DynamoDbDenies(dynamodb, table),
        state=DynamoDbBrakeState(dynamodb, table),
        events=DynamoDbBrakeEvents(dynamodb, table),
        trail=DynamoDbAuditEvents(dynamodb, table),
        settings=BrakeSettings(
            rules=TargetRules(
                account_id=account_id,
                partition=partition,
                break_glass=settings.brake_exempt,
                has_sessions=settings.brake_sessions,
            ),
            names=names,
            overflow=settings.brake_overflow,
            max_denied=settings.brake_max_denied,
        ),
        credits=make_credit_state(settings, dynamodb),
        rates=BurnRates(),
    )
