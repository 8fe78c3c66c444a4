"""The brake is verified with a role that is made for it, and deleted however the check ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from cdk.config import Config
from cdk.operations.denies import DeployedBrake
from cdk.operations.verification.brake_check import check_brake
from cdk.operations.verification.check import CheckFailedError, CheckSkippedError
from cdk.operations.verification.denied_role import DeniedRole, list_roles
from cdk.operations.verification.governance import Governance
from cdk.operations.verification.removal import remove_all
from cdk.operations.verification.verified_meter import ModelCalls, VerifiedMeter
from cdk.operations.verification.waiting import Waiting
from lambdas.domain.brake import DenyState, PrincipalKind, PrincipalTarget, SessionTarget
from tests.audit import InMemoryPersonDirectory
from tests.brake import Effects, InMemoryBrakeState, InMemoryDenies
from tests.budget_store import InMemoryBudgetStore
from tests.operations.verification.session import NO_WAITING, NOVA, Session, meter, refusal
from tests.unit.brake.builders import deny

pytestmark = pytest.mark.usefixtures("aws")
ACCOUNT, USER_ID = "123456789012", "AIDAEXAMPLE"
OPERATOR = f"arn:aws:iam::{ACCOUNT}:user/operator"
REFUSED, THROTTLED, CONFLICT = "AccessDeniedException", "ThrottlingException", "DeleteConflict"
EMPTY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "bedrock:Rerank", "Resource": "*"}],
    }
)


class Sts:
    """Opens sessions whose access keys are their names."""

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": ACCOUNT, "Arn": OPERATOR, "UserId": USER_ID}

    def assume_role(self, **request: str) -> dict[str, Any]:
        name = request["RoleSessionName"]
        secret = {"SecretAccessKey": "secret", "SessionToken": "token"}
        return {"Credentials": {"AccessKeyId": name, **secret}}


class BrakedAccount(Session):
    """An account whose meter counts and denies at once, and may do it wrongly.

    Attributes:
        denies_all: True to deny the whole role for one of its sessions.
        is_denying: False to deny no one.
        is_releasing: False to keep those who were released.
        is_refusing: True to refuse all calls for another reason.
        on_call: Runs before each call.
    """

    def __init__(self, *, has_sessions: bool) -> None:
        super().__init__(sts=Sts())
        self.has_sessions = has_sessions
        self.denies_all = not has_sessions
        self.is_denying = self.is_releasing = True
        self.is_refusing = False
        self.on_call: Callable[[], None] = lambda: None
        self.budgets = InMemoryBudgetStore()
        self.denies = InMemoryDenies(Effects())
        self.decisions = InMemoryBrakeState()

    def client(self, service: str, **options: Any) -> Any:
        if service == "bedrock-runtime":
            return SessionRuntime(self, options["aws_access_key_id"])
        return super().client(service, **options)

    def start(self) -> None:
        """Run the brake."""
        budgets = self.budgets.read().budgets.values()
        is_on = self.decisions.read_switch().is_on
        if not is_on or not any(stored.is_active for stored in budgets):
            self.denies.stored.clear()

    def open_governance(self, _: boto3.Session) -> Governance:
        brake = DeployedBrake(
            denies=self.denies,
            decisions=self.decisions,
            runs=self,
            budgets=self.budgets,
            account_id=ACCOUNT,
            region="us-east-1",
            operator_arn="operator",
            people=InMemoryPersonDirectory(),
        )
        return Governance(self.budgets, brake)

    def answer(self, session_name: str) -> dict[str, Any]:
        """Answer a call, and deny its caller if the call has used up the budget."""
        self.on_call()
        (role,) = list_roles(self)  # type: ignore[arg-type]  # a fake
        target = PrincipalTarget("aws", ACCOUNT, PrincipalKind.ROLE, role)
        session = SessionTarget(target, session_name)
        released = {release.target_arn for release in self.decisions.list_releases()}
        left = {
            deny.target
            for deny in self.denies.list_denies()
            if not self.is_releasing or deny.target.arn not in released
        }
        if self.is_refusing or session in left or target in left:
            raise refusal(REFUSED)
        budgets = self.budgets.read().budgets.values()
        is_on = self.decisions.read_switch().is_on and self.is_denying
        denied = session if self.has_sessions else target
        if is_on and denied.arn not in released and any(each.is_active for each in budgets):
            self.denies.write(deny(target=denied, state=DenyState.DENIED), None)
            if self.denies_all and self.has_sessions:
                self.denies.write(deny(target=target, state=DenyState.DENIED), None)
        return {"usage": {"inputTokens": 7, "outputTokens": 2}}


class SessionRuntime:
    """Calls models in a session."""

    def __init__(self, account: BrakedAccount, session_name: str) -> None:
        self._account = account
        self._session_name = session_name

    def converse(self, **_: Any) -> dict[str, Any]:
        return self._account.answer(self._session_name)


def braked(account: BrakedAccount) -> VerifiedMeter:
    """A meter with the brake, which waits by a clock of its own."""
    made = meter(account)
    pauses: list[float] = []
    made.waiting = Waiting(60, clock=lambda: sum(pauses), pause=pauses.append)
    made.config = Config(governance=True, brake=True, brake_sessions=account.has_sessions)
    made.made = ModelCalls(NOVA, 2, 14, 4)
    made.open_governance = account.open_governance
    return made


def check_removed(account: BrakedAccount) -> None:
    session: Any = account
    assert list_roles(session) == []
    assert account.budgets.read().budgets == {}
    assert not account.decisions.read_switch().is_on
    assert account.denies.list_denies() == []


def test_a_session_is_denied_and_released_and_another_one_is_not() -> None:
    account = BrakedAccount(has_sessions=True)
    found = check_brake(braked(account))
    assert found == (
        "the role's calls were refused after 0 seconds, those of another session were not;"
        " they were answered 0 seconds after a release"
    )
    check_removed(account)


def test_without_brake_sessions_the_whole_role_is_denied_and_released() -> None:
    account = BrakedAccount(has_sessions=False)
    assert "another session" not in check_brake(braked(account))
    check_removed(account)


def test_without_the_brake_nothing_is_made() -> None:
    account = BrakedAccount(has_sessions=True)
    verified = braked(account)
    verified.config = Config(governance=True)
    with pytest.raises(CheckSkippedError, match="brake=true"):
        check_brake(verified)
    check_removed(account)


def test_without_a_model_that_answers_no_role_is_made() -> None:
    account = BrakedAccount(has_sessions=True)
    verified = braked(account)
    verified.made = None
    with pytest.raises(CheckSkippedError, match="no calls were made"):
        check_brake(verified)
    check_removed(account)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"is_denying": False}, "calls of the role are not refused after 60 seconds"),
        ({"is_releasing": False}, "calls of the role are not answered after 60 seconds"),
        ({"is_refusing": True}, "calls of the role are not answered after 60 seconds"),
        ({"denies_all": True}, "another session of the role is refused, too"),
    ],
)
def test_a_wrong_answer_fails_the_check_and_all_is_removed(
    changes: dict[str, bool], problem: str
) -> None:
    account = BrakedAccount(has_sessions=True)
    for name, value in changes.items():
        setattr(account, name, value)
    with pytest.raises(CheckFailedError, match=problem):
        check_brake(braked(account))
    check_removed(account)


def test_a_refusal_that_is_not_the_brake_s_fails_the_check() -> None:
    account = BrakedAccount(has_sessions=True)
    account.is_denying = False

    def refuse_later() -> None:
        account.is_refusing = account.decisions.read_switch().is_on

    account.on_call = refuse_later
    with pytest.raises(CheckFailedError, match="refused, but not by the brake"):
        check_brake(braked(account))
    check_removed(account)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), refusal(THROTTLED)])
def test_all_is_removed_after_an_interruption_and_after_an_error(error: BaseException) -> None:
    account = BrakedAccount(has_sessions=True)

    def fail() -> None:
        if account.decisions.read_switch().is_on:
            raise error

    account.on_call = fail
    with pytest.raises(type(error)):
        check_brake(braked(account))
    check_removed(account)


def test_the_role_is_deleted_even_if_the_brake_cannot_be_switched_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = BrakedAccount(has_sessions=True)

    def fail(_: object) -> None:
        raise refusal(THROTTLED)

    monkeypatch.setattr(account.decisions, "write_switch", fail)
    session: Any = account
    with pytest.raises(ClientError, match=THROTTLED):
        check_brake(braked(account))
    assert list_roles(session) == []


def test_the_removal_deletes_a_role_that_a_killed_verification_left() -> None:
    session: Any = BrakedAccount(has_sessions=True)
    iam = boto3.client("iam")
    role = DeniedRole.create(session)
    policy = iam.create_policy(PolicyName="deny", PolicyDocument=EMPTY)
    iam.attach_role_policy(RoleName=role.name, PolicyArn=policy["Policy"]["Arn"])
    trust: Any = iam.get_role(RoleName=role.name)["Role"]["AssumeRolePolicyDocument"]
    other = iam.create_role(
        RoleName="VerifyTheBrake-of-another-region",
        Path="/bedrock-meter-verification/eu-west-1/",
        AssumeRolePolicyDocument="{}",
    )
    assert trust["Statement"][0]["Condition"] == {"StringEquals": {"aws:userid": USER_ID}}
    assert remove_all(session, NO_WAITING) == []
    assert list_roles(session) == []
    names = [each["RoleName"] for each in iam.list_roles()["Roles"]]
    assert names == [other["Role"]["RoleName"]]


def test_a_role_that_cannot_be_deleted_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    session: Any = BrakedAccount(has_sessions=True)
    role = DeniedRole.create(session)

    class Refusing:
        """IAM, which refuses to delete."""

        def __getattr__(self, name: str) -> Any:
            return getattr(boto3.client("iam"), name)

        def delete_role(self, **_: str) -> None:
            raise refusal(CONFLICT)

    session.clients["iam"] = Refusing()
    left = remove_all(session, NO_WAITING)
    assert left[0] == f"role {role.name}"
    assert CONFLICT in left[1]
