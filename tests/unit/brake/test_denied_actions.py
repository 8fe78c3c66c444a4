"""A deny covers every billed action of Bedrock, and no action that reads, stops or deletes."""

from fnmatch import fnmatchcase

import botocore.session
import pytest
from policy_sentry.querying.actions import get_actions_for_service

from lambdas.domain.brake import DENIED_ACTIONS

DOCUMENTED = get_actions_for_service("bedrock") + get_actions_for_service("bedrock-mantle")
OTHER_ACTIONS = {
    "Converse": "InvokeModel",
    "ConverseStream": "InvokeModelWithResponseStream",
    "InvokeModelWithBidirectionalStream": "InvokeModelWithResponseStream",
    "RetrieveAndGenerateStream": "RetrieveAndGenerate",
    "StartAsyncInvoke": "InvokeModel",
}
"""Operations that IAM authorizes as an action of another name.

https://docs.aws.amazon.com/bedrock/latest/userguide/inference-prereq.html
"""
FREE: dict[str, tuple[str, ...]] = {
    "Reads, ends or deletes": tuple(
        f"*:{verb}*"
        for verb in ("Get", "List", "Delete", "BatchDelete", "Stop", "Cancel", "End", "Check")
    ),
    "Names, permissions, and connections between definitions": (
        *("*:TagResource", "*:UntagResource", "*:*ssociate*", "*:Deregister*", "*:ArchiveProject"),
        *("*:Put*", "*:CallWithBearerToken", "bedrock:AllowVendedLogDeliveryForResource"),
        *("bedrock:CreateVpcConfiguration", "bedrock:CreateInferenceProfile"),
        *("bedrock:CreateFoundationModelAgreement", "bedrock:RegisterMarketplaceModelEndpoint"),
    ),
    "Defines what is billed when it is used": (
        *("bedrock:Create*Agent*", "bedrock:UpdateAgent*", "bedrock:PrepareAgent"),
        *("bedrock:CreateFlow*", "bedrock:UpdateFlow*", "bedrock:PrepareFlow"),
        *("bedrock:*atePrompt*", "bedrock:RenderPrompt", "bedrock:ValidateFlowDefinition"),
        *("bedrock:*ate*Guardrail*", "bedrock:*ate*KnowledgeBase", "bedrock:*ateDataSource"),
        *("bedrock:*ate*Blueprint*", "bedrock:CopyBlueprintStage"),
        *("bedrock:*ateDataAutomationProject", "bedrock:*ateDataAutomationLibrary"),
        "bedrock:*ateRetrievalInstruction*",
        *(f"bedrock:{verb}AutomatedReasoningPolicy*" for verb in ("Create", "Update", "Export")),
        *("bedrock:UpdateCustomModelDeployment", "bedrock-mantle:CreateFile"),
        *("bedrock-mantle:CreateProject", "bedrock-mantle:UpdateProject"),
    ),
    "State of sessions, which has no price of its own": (
        *("bedrock:CreateSession", "bedrock:UpdateSession", "bedrock:CreateInvocation"),
    ),
    "No price in https://aws.amazon.com/bedrock/pricing/": (
        *("bedrock:CountTokens", "bedrock:DetectGeneratedContent"),
    ),
}
"""Patterns of actions that are not billed, by the reason."""
UNBILLED = tuple(pattern for patterns in FREE.values() for pattern in patterns)


def list_operations() -> list[tuple[str, str]]:
    """The operations of Bedrock's services in the AWS SDK, each with its action.

    Bedrock AgentCore has another prefix of actions: it runs agents, and prices their machines.
    """
    session = botocore.session.get_session()
    models = [
        session.get_service_model(name)
        for name in session.get_available_services()
        if name.startswith("bedrock")
    ]
    return [
        (f"{model.service_name}: {name}", f"bedrock:{OTHER_ACTIONS.get(name, name)}")
        for model in models
        if model.signing_name == "bedrock"
        for name in model.operation_names
    ]


OPERATIONS = list_operations()
KNOWN = sorted({*DOCUMENTED, *(action for _, action in OPERATIONS)})


def matches_any(action: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(action, pattern) for pattern in patterns)


@pytest.mark.parametrize("pattern", DENIED_ACTIONS)
def test_each_denied_action_exists(pattern: str) -> None:
    assert [action for action in KNOWN if fnmatchcase(action, pattern)]


def test_every_action_of_bedrock_is_either_denied_or_known_to_be_unbilled() -> None:
    undecided = [
        action for action in KNOWN if not matches_any(action, (*DENIED_ACTIONS, *UNBILLED))
    ]
    assert undecided == []


def test_every_operation_of_the_sdk_is_either_denied_or_free_with_a_reason() -> None:
    undecided = [
        operation
        for operation, action in OPERATIONS
        if not matches_any(action, (*DENIED_ACTIONS, *UNBILLED))
    ]
    assert undecided == []
    assert len({operation.partition(":")[0] for operation, _ in OPERATIONS}) >= 6


def test_no_action_is_both_denied_and_free() -> None:
    assert [
        action
        for action in KNOWN
        if matches_any(action, DENIED_ACTIONS) and matches_any(action, UNBILLED)
    ] == []


@pytest.mark.parametrize("pattern", UNBILLED)
def test_each_free_action_exists(pattern: str) -> None:
    assert [action for action in KNOWN if fnmatchcase(action, pattern)]


@pytest.mark.parametrize(
    "operation",
    [
        *("InvokeModel", "InvokeModelWithResponseStream", "Converse", "ConverseStream"),
        *("InvokeModelWithBidirectionalStream", "StartAsyncInvoke", "CreateModelInvocationJob"),
        *("ApplyGuardrail", "InvokeGuardrailChecks", "InvokeAgent", "InvokeInlineAgent"),
        *("InvokeFlow", "StartFlowExecution", "OptimizePrompt", "GenerateQuery", "Rerank"),
        *("Retrieve", "RetrieveAndGenerate", "RetrieveAndGenerateStream", "AgenticRetrieveStream"),
        *("InvokeDataAutomation", "InvokeDataAutomationAsync", "CreateEvaluationJob"),
    ],
)
def test_every_operation_that_uses_a_model_is_denied(operation: str) -> None:
    actions = {action for name, action in OPERATIONS if name.endswith(f": {operation}")}
    assert actions
    assert all(matches_any(action, DENIED_ACTIONS) for action in actions)


@pytest.mark.parametrize("verb", ["Get", "List", "Delete", "Stop", "Cancel", "Tag", "Put"])
def test_a_denied_caller_can_still_read_stop_and_delete(verb: str) -> None:
    actions = [action for action in KNOWN if action.partition(":")[2].startswith(verb)]
    assert actions
    assert not any(matches_any(action, DENIED_ACTIONS) for action in actions)


@pytest.mark.parametrize(
    "action",
    [
        "bedrock:InvokeModel",
        "bedrock:InvokeModelWithResponseStream",
        "bedrock-mantle:CreateInference",
        "bedrock:CreateModelInvocationJob",
        "bedrock:InvokeAgent",
        "bedrock:InvokeFlow",
        "bedrock:RetrieveAndGenerate",
        "bedrock:CreateModelCustomizationJob",
        "bedrock:CreateProvisionedModelThroughput",
        "bedrock:CreateEvaluationJob",
        "bedrock:CreateAdvancedPromptOptimizationJob",  # newer than the known ones
    ],
)
def test_every_way_of_calling_models_is_denied(action: str) -> None:
    assert matches_any(action, DENIED_ACTIONS)
