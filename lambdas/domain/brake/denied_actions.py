"""The actions that a deny covers: those of Bedrock whose use is billed.

As of 2026-11-29. A test compares the list with the operations that the AWS SDK knows and with the
actions that IAM documents, and fails on a new one that is neither here nor known to be free.

Sources:
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonbedrock.html
    https://docs.aws.amazon.com/service-authorization/latest/reference/list_bedrock-mantle.html
    https://docs.aws.amazon.com/bedrock/latest/userguide/inference-prereq.html
    https://aws.amazon.com/bedrock/pricing/
"""

from __future__ import annotations

from typing import Any

DENIED_ACTIONS = (
    # Models, agents, flows, tools, data automation. Converse, asynchronous invocations and
    # bidirectional streams are authorized as InvokeModel and InvokeModelWithResponseStream.
    "bedrock:Invoke*",
    # Flows, ingestion into knowledge bases, builds and tests of automated reasoning.
    "bedrock:Start*",
    # The endpoint bedrock-mantle: Responses, Chat Completions and Messages.
    "bedrock-mantle:CreateInference",
    "bedrock-mantle:CreateFineTuningJob",
    # Knowledge bases: answers, searches, generated queries, rankings, embedded documents.
    "bedrock:Retrieve*",
    "bedrock:AgenticRetrieve*",
    "bedrock:GenerateQuery",
    "bedrock:Rerank",
    "bedrock:Ingest*",
    # Jobs: batch inference, evaluation, customization, import, optimization of prompts.
    "bedrock:Create*Job",
    "bedrock:OptimizePrompt",
    # Models and capacity that are billed by time.
    "bedrock:CreateCustomModel*",
    "bedrock:CreateProvisioned*",
    "bedrock:UpdateProvisioned*",
    "bedrock:CreateMarketplace*",
    "bedrock:UpdateMarketplace*",
    "bedrock:ApplyGuardrail",
)
"""Patterns of actions, which `*` extends to actions that AWS adds later.

They are short, since each end of a deny needs a statement of its own in the policies of sessions.
"""


def deny_in_region(region: str) -> dict[str, Any]:
    """Make the statement that denies these actions in a Region: the one of the fixed policy.

    Calls through an inference profile are requests of the Region that was called, wherever they
    are served.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    return {
        "Effect": "Deny",
        "Action": [*DENIED_ACTIONS],
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:RequestedRegion": region}},
    }
