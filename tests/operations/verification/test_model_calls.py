"""The cheapest model that the account may use is called, and every call has to be counted."""

import pytest

from cdk.config import Config
from cdk.operations.verification.check import (
    Check,
    CheckFailedError,
    CheckSkippedError,
    Status,
    run_check,
)
from cdk.operations.verification.estimate import estimate_usd
from cdk.operations.verification.model_calls import call_model, check_ledger, list_models
from tests.operations.verification.session import HAIKU, NOVA, Bedrock, Runtime, Session, meter

pytestmark = pytest.mark.usefixtures("aws")


def test_models_with_a_known_price_are_listed_the_cheapest_first() -> None:
    models = list_models(Session())  # type: ignore[arg-type]  # the part that is used
    assert [model.model_id for model in models] == [NOVA, HAIKU]
    assert 0 < models[0].usd < models[1].usd


def test_the_cheapest_model_is_called_twenty_times() -> None:
    runtime = Runtime()
    verified = meter(Session(bedrock_runtime=runtime))
    assert call_model(verified) == f"20 calls of {NOVA}, 180 tokens"
    assert runtime.called == [NOVA] * 20
    assert verified.calls.total_tokens == 180


def test_a_model_denied_to_the_account_is_skipped() -> None:
    runtime = Runtime(NOVA)
    assert HAIKU in call_model(meter(Session(bedrock_runtime=runtime)))
    assert runtime.called == [HAIKU] * 20


def test_without_a_usable_model_the_check_fails_and_later_ones_are_skipped() -> None:
    verified = meter(Session(bedrock_runtime=Runtime(NOVA, HAIKU)))
    with pytest.raises(CheckFailedError, match="can use no text model"):
        call_model(verified)
    with pytest.raises(CheckSkippedError, match="no calls were made"):
        check_ledger(verified)


def test_another_error_of_bedrock_is_a_failure_of_the_check() -> None:
    runtime = Runtime(NOVA, code="ThrottlingException")
    result = run_check(Check("calls", call_model), meter(Session(bedrock_runtime=runtime)))
    assert result.status is Status.FAILED
    assert "ThrottlingException" in result.reason


def test_a_verification_costs_less_than_a_dollar_and_more_with_dearer_models() -> None:
    cheap = estimate_usd(Config(), list_models(Session(bedrock=Bedrock(NOVA))))  # type: ignore[arg-type]
    dear = estimate_usd(Config(), list_models(Session()))  # type: ignore[arg-type]
    assert 0 < cheap < dear < 1
