"""The company's brake: one session of a job is denied, and released by hand."""

from __future__ import annotations

import io
import time
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from cdk.config import stack_names
from cdk.local_cloud.cloud import ACCOUNT, LocalCloud
from cdk.local_cloud.deployment import find_function, start_function
from cdk.operations.aws_errors import error_code
from cdk.operations.denies import DeployedBrake, release_callers, set_switch
from cdk.operations.terminal import CommandError
from dashboards.demo.company_account import ROOT, let_call_bedrock, open_role_session
from lambdas.adapters.dynamodb.brake_store import DynamoDbBrakeState, DynamoDbDenies
from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.person_directory import DynamoDbPersonDirectory
from lambdas.adapters.lambda_run_starter import LambdaRunStarter
from lambdas.domain.brake import CONSENT_TAG, CONSENT_VALUE

JOB = "invoice-extraction"
"""The role of the job that has a budget with a brake, and its only session so far."""
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/{JOB}/{JOB}"
_OTHER_SESSION = "invoice-check"
_MODEL = "us.anthropic.claude-sonnet-4-20250514-v1:0"
_QUESTION = [{"role": "user", "content": [{"text": "Which invoices are due?"}]}]
_SCHEDULED_EVENT = {"detail-type": "Scheduled Event"}
_PAUSE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class CompanyBrake:
    """The brake, and the role of a job that it may deny.

    Attributes:
        cloud: The local cloud, which evaluates policies.
        brake: The brake, as operators use it.
    """

    cloud: LocalCloud
    brake: DeployedBrake

    @classmethod
    def from_table(cls, cloud: LocalCloud, table: str) -> CompanyBrake:
        """Find the brake by the table of its denies."""
        controller = find_function(cloud, stack_names.GOVERNANCE, "BrakeController")
        dynamodb = cloud.client("dynamodb")
        return cls(
            cloud,
            DeployedBrake(
                denies=DynamoDbDenies(dynamodb, table),
                decisions=DynamoDbBrakeState(dynamodb, table),
                runs=LambdaRunStarter(cloud.client("lambda"), controller, {}),
                budgets=DynamoDbBudgetStore(dynamodb, table),
                account_id=ACCOUNT,
                region=dynamodb.meta.region_name,
                operator_arn=ROOT,
                people=DynamoDbPersonDirectory(dynamodb, table),
            ),
        )

    def switch_on(self) -> None:
        """Let sessions of the job call Bedrock and be denied, and switch the brake on."""
        let_call_bedrock(self.cloud, JOB)
        iam = self.cloud.client("iam")
        iam.tag_role(RoleName=JOB, Tags=[{"Key": CONSENT_TAG, "Value": CONSENT_VALUE}])
        with redirect_stdout(io.StringIO()):  # the story has lines of its own
            set_switch(self.brake, is_on=True, now=datetime.now(UTC))

    def deny(self) -> None:
        """Let the meter deny whoever has used up a budget, and send its messages."""
        start_function(self.cloud, stack_names.GOVERNANCE, "BrakeController", _SCHEDULED_EVENT)
        start_function(self.cloud, stack_names.MONITORING, "BudgetEvaluator", _SCHEDULED_EVENT)

    def release(self, seconds_to_settle: float) -> str:
        """Check that one session of the job is denied and another is not; release the denied one.

        Args:
            seconds_to_settle: The time to wait for the release.

        Returns:
            The error with which Bedrock refused the denied session.

        Raises:
            CommandError: A session was answered that should be denied, or the other way round.
        """
        denied, other = (
            open_role_session(self.cloud, JOB, session) for session in (JOB, _OTHER_SESSION)
        )
        refusal = _find_refusal(denied)
        if refusal is None or _find_refusal(other) is not None:
            message = f"the brake should deny the session {JOB} of the role {JOB}, and no other."
            raise CommandError(message)
        with redirect_stdout(io.StringIO()):
            release_callers(self.brake, [SESSION], until=None, now=datetime.now(UTC))
        deadline = time.monotonic() + seconds_to_settle
        while _find_refusal(denied) is not None:
            if time.monotonic() > deadline:
                message = f"the session {JOB} is released, and still refused."
                raise CommandError(message)
            time.sleep(_PAUSE_SECONDS)
        return refusal


def _find_refusal(bedrock: Any) -> str | None:  # noqa: ANN401  # a client without types
    """Call a model; returns the code of the refusal, `None` for an answer."""
    try:
        bedrock.converse(modelId=_MODEL, messages=_QUESTION)
    except ClientError as error:
        if error_code(error) != "AccessDeniedException":
            raise
        return error_code(error)
    return None
