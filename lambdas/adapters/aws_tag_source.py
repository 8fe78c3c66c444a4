"""Looks at the tags of application inference profiles, roles and users."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.domain.attribution.ports import FoundTags, TagsDeniedError, TagsUnavailableError
from lambdas.domain.invocations import foundation_model_id

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_iam import IAMClient

_NOTHING = FoundTags()
# https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListTagsForResource.html
# https://docs.aws.amazon.com/IAM/latest/APIReference/API_ListRoleTags.html
_DENIED = frozenset({"AccessDenied", "AccessDeniedException"})
_NO_SUCH_RESOURCE = frozenset(
    {"NoSuchEntity", "ResourceNotFoundException", "ValidationError", "ValidationException"}
)


class AwsTagSource:
    """Asks Bedrock and IAM of one account and Region; nothing is found elsewhere."""

    def __init__(self, bedrock: BedrockClient, iam: IAMClient, account_id: str) -> None:
        """Look at the resources of an account.

        Args:
            bedrock: A client of the Region whose profiles are looked at.
            iam: An IAM client.
            account_id: The account of both clients' credentials.
        """
        self._bedrock = bedrock
        self._iam = iam
        self._account_id = account_id

    def find(self, arn: str) -> FoundTags:
        """Look at a profile, a role or a user.

        Raises:
            TagsDeniedError: The meter may not.
            TagsUnavailableError: AWS is too busy, or does not answer.
        """
        _, _, service, region, account_id, resource = arn.split(":", 5)
        is_here = account_id == self._account_id and region in ("", self._bedrock.meta.region_name)
        if not is_here:
            return _NOTHING
        kind, _, name = resource.partition("/")
        try:
            match kind:
                case "role":
                    return self._find_role(name)
                case "user":
                    return self._find_user(name)
                case _:
                    return self._find_profile(arn)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code in _NO_SUCH_RESOURCE:
                return _NOTHING
            action = f"{service}:{error.operation_name}"
            if code in _DENIED:
                message = f"{action} is denied: allow it, or what it would tell counts for nothing"
                raise TagsDeniedError(message) from error
            message = f"{action} failed: {code}"
            raise TagsUnavailableError(message) from error
        except BotoCoreError as error:
            message = f"{service} does not answer: {type(error).__name__}"
            raise TagsUnavailableError(message) from error

    def _find_role(self, name: str) -> FoundTags:
        pages = self._iam.get_paginator("list_role_tags").paginate(RoleName=name)
        return FoundTags([(tag["Key"], tag["Value"]) for page in pages for tag in page["Tags"]])

    def _find_user(self, name: str) -> FoundTags:
        pages = self._iam.get_paginator("list_user_tags").paginate(UserName=name)
        return FoundTags([(tag["Key"], tag["Value"]) for page in pages for tag in page["Tags"]])

    def _find_profile(self, arn: str) -> FoundTags:
        profile = self._bedrock.get_inference_profile(inferenceProfileIdentifier=arn)
        tags = self._bedrock.list_tags_for_resource(resourceARN=arn)["tags"]
        return FoundTags(
            [(tag["key"], tag["value"]) for tag in tags],
            _one_model(model["modelArn"] for model in profile["models"]),
        )


def _one_model(model_arns: Iterable[str]) -> str | None:
    """The model that a profile reaches in one or more Regions; `None` if it is not one."""
    model_ids = {foundation_model_id(arn) for arn in model_arns}
    return model_ids.pop() if len(model_ids) == 1 else None
