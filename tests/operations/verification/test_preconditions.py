"""A verification starts only in a Region where it can disturb nothing."""

import pytest

from cdk.config import stack_names
from cdk.operations.terminal import CommandError
from cdk.operations.verification.preconditions import require_untouched_region
from tests.operations.deployed import deploy
from tests.operations.verification.session import Bedrock, Session

pytestmark = pytest.mark.usefixtures("aws")


def require(session: Session) -> None:
    require_untouched_region(session)  # type: ignore[arg-type]  # the part that is used


def test_an_untouched_region_is_accepted() -> None:
    deploy("SomeoneElses")
    require(Session())


def test_a_region_with_configured_logging_is_refused_with_the_option_to_change() -> None:
    session = Session(bedrock=Bedrock(logging={"s3Config": {"bucketName": "audit"}}))
    with pytest.raises(CommandError, match=r"already configured in us-east-1: choose .* --region"):
        require(session)


def test_a_region_with_a_meter_of_another_name_is_refused() -> None:
    deploy("BedrockMeter-Other-Storage")
    # This process has the default name, so that only a longer name is another meter's.
    with pytest.raises(CommandError, match="BedrockMeter-Other-Storage"):
        require(Session())


def test_remains_of_an_aborted_verification_are_named_with_the_option_to_remove_them() -> None:
    deploy(stack_names.STORAGE)
    with pytest.raises(CommandError, match=r"left BedrockMeter-Storage in us-east-1: .* --remove"):
        require(Session())
