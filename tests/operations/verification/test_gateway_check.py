"""The gateway is verified with a key that is revoked, and policies that are restored."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSResponse

from cdk.config import Config, stack_names
from cdk.config.gateway_names import caller_role_name
from cdk.operations.gateway_health import GatewayHealth, GatewayStores
from cdk.operations.verification.check import CheckFailedError, CheckSkippedError
from cdk.operations.verification.estimate import estimate_minutes, estimate_usd
from cdk.operations.verification.gateway import Gateway
from cdk.operations.verification.gateway_check import OWNER, check_gateway
from cdk.operations.verification.model_calls import PricedModel
from cdk.operations.verification.verified_meter import ModelCalls, VerifiedMeter
from cdk.operations.verification.waiting import Waiting
from dashboards.command_line.commands.verify_account import open_client
from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.domain.api_keys import ApiKey, KeyState
from lambdas.domain.limit_policies import PolicyChange, StoredPolicies
from tests.aws import LEDGER
from tests.builders import usage_record
from tests.operations.verification.session import NOVA, Session, meter, refusal
from tests.policies import InMemoryPolicies
from tests.unit.pricing.builders import usd  # noqa: F401
