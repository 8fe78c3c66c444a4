"""Looks at the tags of application inference profiles, roles and users."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.refusals import error_code
from lambdas.domain.attribution.ports import FoundTags, TagSourceBusyError, TagsUnavailableError
from lambdas.domain.attribution.tags import ProfiledModel, get_service
from lambdas.domain.invocations import foundation_model_id

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_iam import IAMClient

_Answer = TypeVar("_Answer")
_Tags = list[tuple[str, str]]

_NOTHING = FoundTags()
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListTagsForResource.html
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoleTags.html
_DENIED = frozenset({"AccessDenied", "AccessDeniedException"})
_NO_SUCH_RESOURCE = frozenset(
    {"NoSuchEntity", "ResourceNotFoundException", "ValidationError", "ValidationException"}
)
_BUSY = re.compile("Throttl|TooManyRequests|RequestLimitExceeded|SlowDown")
_FIRST_FAULT_OF_A_SERVICE = 500


class AwsTagSource:
    """Asks Bedrock and IAM of one account and Region; nothing is found elsewhere."""

    def __init__(self, bedrock: BedrockClient, iam: IAMClient, account_id: str) -> None:
        """Read the resources of an account.

        Args:
            bedrock: A client of the Region whose profiles are looked at.
            iam: An IAM client.
            account_id: The account of both clients' credentials.
        """
        self._bedrock = bedrock
        self._iam = iam
        self._account_id = account_id

    def get(self, arn: str) -> FoundTags:
        """Get the tags of a profile, a role or a user.

        Raises:
            TagSourceBusyError: Bedrock or IAM is too busy, or does not answer.
            TagsUnavailableError: AWS does not answer for this one.
        """
        *_, region, account_id, resource = arn.split(":", 5)
        is_here = account_id == self._account_id and region in ("", self._bedrock.meta.region_name)
        if not is_here:
            return _NOTHING
        kind, _, name = resource.partition("/")
        denied: list[str] = []
        match kind:
            case "role":
                tags = _ask(arn, lambda: self._role_tags(name), denied)
            case "user":
                tags = _ask(arn, lambda: self._user_tags(name), denied)
            case _:
                model_arns = _ask(arn, lambda: _list_models(self._bedrock, arn), denied)
                if model_arns is None and not denied:
                    return _NOTHING
                tags = _ask(arn, lambda: self._profile_tags(arn), denied)
                return FoundTags(
                    tags,
                    _one_model(model_arns or ()),
                    tuple(denied),
                    is_global=any(_has_no_region(model_arn) for model_arn in model_arns or ()),
                )
        return FoundTags(tags, denied=tuple(denied))

    def _role_tags(self, name: str) -> _Tags:
        pages = self._iam.get_paginator("list_role_tags").paginate(RoleName=name)
        return [(tag["Key"], tag["Value"]) for page in pages for tag in page["Tags"]]

    def _user_tags(self, name: str) -> _Tags:
        pages = self._iam.get_paginator("list_user_tags").paginate(UserName=name)
        return [(tag["Key"], tag["Value"]) for page in pages for tag in page["Tags"]]

    def _profile_tags(self, arn: str) -> _Tags:
        tags = self._bedrock.list_tags_for_resource(resourceARN=arn)["tags"]
        return [(tag["key"], tag["value"]) for tag in tags]


class AwsProfiledModels:
    """Asks Bedrock for the models behind application inference profiles, without their tags."""

    def __init__(self, bedrock: BedrockClient) -> None:
        """Ask in the account and the Region of a client."""
        self._bedrock = bedrock

    def get_model(self, profile_arn: str) -> ProfiledModel | None:
        """Get the model behind a profile; `None` if it is not one model, or there is no profile.

        Raises:
            TagsUnavailableError: Bedrock denies access, is too busy, or does not answer.
        """
        denied: list[str] = []
        model_arns = _ask(profile_arn, lambda: _list_models(self._bedrock, profile_arn), denied)
        if denied:
            raise TagsUnavailableError(denied[0])
        model_id = _one_model(model_arns or ())
        if model_id is None:
            return None
        return ProfiledModel(model_id, any(map(_has_no_region, model_arns or ())))


def _list_models(bedrock: BedrockClient, profile_arn: str) -> list[str]:
    profile = bedrock.get_inference_profile(inferenceProfileIdentifier=profile_arn)
    return [model["modelArn"] for model in profile["models"]]


def _ask(arn: str, question: Callable[[], _Answer], denied: list[str]) -> _Answer | None:
    """The answer of AWS; `None` if there is no such resource or access is denied.

    A denied action is added to `denied`.
    """
    service = get_service(arn)
    try:
        return question()
    except ClientError as error:
        code = error_code(error)
        action = f"{service}:{error.operation_name}"
        if code in _NO_SUCH_RESOURCE:
            return None
        if code in _DENIED:
            denied.append(f"{action} is denied: allow it, or these tags are not used")
            return None
        message = f"{action} failed: {code}"
        status = error.response["ResponseMetadata"]["HTTPStatusCode"]
        if status >= _FIRST_FAULT_OF_A_SERVICE or _BUSY.search(code):
            raise TagSourceBusyError(service, message) from error
        raise TagsUnavailableError(message) from error
    except BotoCoreError as error:
        message = f"{service} does not answer: {type(error).__name__}"
        raise TagSourceBusyError(service, message) from error


def _has_no_region(model_arn: str) -> bool:
    """True if the ARN has no Region: global profiles list their model with and without one.

    Source: https://docs.aws.amazon.com/bedrock/latest/userguide/global-cross-region-inference.html
    """
    return ":bedrock:::" in model_arn


def _one_model(model_arns: Iterable[str]) -> str | None:
    """The model that a profile reaches in one or more Regions; `None` if it is not one."""
    model_ids = {foundation_model_id(arn) for arn in model_arns}
    return model_ids.pop() if len(model_ids) == 1 else None
