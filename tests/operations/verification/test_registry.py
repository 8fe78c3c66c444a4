"""Each scheduled function has a check, and each check a name of its own."""

from cdk.operations.verification.registry import CHECKS
from tests.infrastructure.synthesis import deployment, resources


def list_scheduled_functions() -> set[str]:
    """The logical ids of all functions that a schedule starts, by the templates."""
    return {
        rule["Targets"][0]["Arn"]["Fn::GetAtt"][0]
        for template in deployment().templates.values()
        for rule in resources(template, "AWS::Events::Rule").values()
        if "ScheduleExpression" in rule
    }


def test_each_scheduled_function_has_a_check() -> None:
    scheduled = list_scheduled_functions()
    checked = [check.function for check in CHECKS if check.function]
    assert len(scheduled) == len(checked) == 7
    for function in scheduled:
        assert [name for name in checked if function.startswith(name)], function


def test_names_of_checks_are_unique() -> None:
    names = [check.name for check in CHECKS]
    assert len(names) == len(set(names))
