"""A deny covers every billed action of Bedrock, and no action that reads, stops or deletes."""

from fnmatch import fnmatchcase

import pytest
from policy_sentry.querying.actions import get_actions_for_service

from lambdas.domain.brake import DENIED_ACTIONS

KNOWN = get_actions_for_service("bedrock") + get_actions_for_service("bedrock-mantle")
UNBILLED = (
    *(f"*:{verb}*" for verb in ("Get", "List", "Delete", "BatchDelete", "Stop", "Cancel", "End")),
    *("*:TagResource", "*:UntagResource", "*:*ssociate*", "*:Deregister*", "*:ArchiveProject"),
    *("*:Put*", "*:CallWithBearerToken", "bedrock:AllowVendedLogDeliveryForResource"),
    # Definitions: what they define is billed when it is used.
    *("bedrock:Create*Agent*", "bedrock:UpdateAgent*", "bedrock:PrepareAgent"),
    *("bedrock:CreateFlow*", "bedrock:UpdateFlow*", "bedrock:PrepareFlow"),
    *("bedrock:*ate*Prompt*", "bedrock:RenderPrompt", "bedrock:ValidateFlowDefinition"),
    *("bedrock:*ate*Guardrail*", "bedrock:*ate*KnowledgeBase", "bedrock:*ateDataSource"),
    *("bedrock:*ate*Blueprint*", "bedrock:CopyBlueprintStage", "bedrock:*ateDataAutomationProject"),
    *("bedrock:CreateAutomatedReasoningPolicy*", "bedrock:UpdateAutomatedReasoningPolicy*"),
    *("bedrock:ExportAutomatedReasoningPolicyVersion", "bedrock:CreateInferenceProfile"),
    *("bedrock:CreateFoundationModelAgreement", "bedrock:UpdateCustomModelDeployment"),
    *("bedrock:RegisterMarketplaceModelEndpoint", "bedrock-mantle:CreateFile"),
    *("bedrock-mantle:CreateProject", "bedrock-mantle:UpdateProject"),
    # State of sessions, which has no price of its own.
    *("bedrock:CreateSession", "bedrock:UpdateSession", "bedrock:CreateInvocation"),
    # Free: https://aws.amazon.com/bedrock/pricing/
    *("bedrock:CountTokens", "bedrock:DetectGeneratedContent"),
)


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
