"""Every function gets exactly the variables that its settings accept."""

import importlib
from pathlib import Path

import pytest

from cdk.functions.gateway import EXEC_WRAPPER
from tests.infrastructure.synthesis import CONFIGURATIONS, deployment, resources

FUNCTIONS = Path(__file__).parents[2] / "lambdas" / "functions"
ABSENT = {
    "audit_writer": {"default", "adopting"},
    "brake_controller": {"default", "adopting"},
    "brake_watchdog": {"default", "adopting"},
    "budget_builder": {"default", "adopting"},
    "budget_evaluator": {"default", "adopting"},
    "credit_booker": {"default", "adopting"},
    "forecast_calibrator": {"default", "adopting"},
    "gateway": {"default", "adopting"},
    "limit_settler": {"default", "adopting"},
    "usage_counter": {"default", "adopting"},
    "usage_recounter": {"default", "adopting"},
    "webhook_router": {"default", "adopting"},
    "webhook_sender": {"default", "adopting"},
    "weekly_summarizer": {"default"},
}
"""The configurations that do not have a function."""
OPTIONAL = {
    "coverage_auditor": {"COUNTER_TABLE"},
    "log_processor": {"CALLER_ROLE"},
    "metric_publisher": {"CALLER_ROLE"},
}
"""The variables that a function gets only where governance and the gateway are on."""
NEVER = {"gateway": {"BEDROCK_ENDPOINT"}}
"""The variables that no deployment sets."""
JOBS = sorted(path.parent.name for path in FUNCTIONS.glob("*/settings.py"))


@pytest.mark.parametrize("job", JOBS)
@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_the_environment_is_valid_for_the_function_s_settings(configuration: str, job: str) -> None:
    found = [
        {
            name: value
            for name, value in function["Environment"]["Variables"].items()
            if name != EXEC_WRAPPER  # for Lambda, not for the function
        }
        for template in deployment(configuration).templates.values()
        for function in resources(template, "AWS::Lambda::Function").values()
        if function["Handler"].startswith(f"lambdas.functions.{job}.handler.")
    ]
    if configuration in ABSENT.get(job, ()):
        assert not found
        return
    (variables,) = found
    # What is known only to the cloud is some text.
    environ = {
        name: value if isinstance(value, str) else "known-when-deployed"
        for name, value in variables.items()
    }
    settings = importlib.import_module(f"lambdas.functions.{job}.settings").Settings
    assert settings.from_environment(environ).to_environment() == environ
    absent = OPTIONAL.get(job, set()) if configuration != "everything" else set()
    assert environ.keys() == settings.list_variables() - absent - NEVER.get(job, set())
