"""Labels of application inference profiles: the model behind each, and its project."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.domain.attribution import LabelNames
from lambdas.domain.attribution.tags import kept_tags
from lambdas.domain.invocations import foundation_model_id

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient

# By its ARN, as a model of the meter's metrics, or by its id alone, as Bedrock's metrics have it.
_PROFILE = re.compile(
    r"(?:arn:aws[a-z-]*:bedrock:[a-z0-9-]+:\d{12}:)?application-inference-profile/(?P<id>[a-zA-Z0-9]+)"
    r"|(?P<bare>(?=[a-z]*\d)[a-z0-9]{12})"
)


class Profile(NamedTuple):
    """A source's knowledge of a profile.

    Attributes:
        model_id: The foundation model behind it, if it is known.
        project: The project that its calls are attributed to, if it is known.
    """

    model_id: str | None = None
    project: str | None = None


class ProfileSource(Protocol):
    """A source of profiles."""

    def __call__(self, profile_id: str, /) -> Profile:
        """Find a profile by its id; what is not known of it is `None`."""


def find_profile_id(name: str) -> str | None:
    """Find the id of the application inference profile that a name stands for."""
    found = _PROFILE.fullmatch(name)
    return found and (found["id"] or found["bare"])


def find_no_profile(_profile_id: str) -> Profile:
    """Know no profile."""
    return Profile()


class BedrockProfiles:
    """Profiles of an account, each asked for once; without permission, nothing is known."""

    def __init__(self, client: BedrockClient, label_names: LabelNames) -> None:
        """Ask with a Bedrock client.

        Args:
            client: A client of the account and Region.
            label_names: The names of tags that name a project.
        """
        self._client = client
        self._label_names = label_names
        self._known: dict[str, Profile] = {}

    def find(self, profile_id: str) -> Profile:
        """Find a profile by its id."""
        if profile_id not in self._known:
            self._known[profile_id] = self._ask(profile_id)
        return self._known[profile_id]

    def _ask(self, profile_id: str) -> Profile:
        try:
            found = self._client.get_inference_profile(inferenceProfileIdentifier=profile_id)
            models = {foundation_model_id(model["modelArn"]) for model in found["models"]}
            model_id = models.pop() if len(models) == 1 else None
        except (BotoCoreError, ClientError):
            return Profile()
        return Profile(model_id, self._find_project(found["inferenceProfileArn"]))

    def _find_project(self, arn: str) -> str | None:
        try:
            tags = self._client.list_tags_for_resource(resourceARN=arn)["tags"]
        except (BotoCoreError, ClientError):
            return None
        pairs: Iterable[tuple[str, str]] = ((tag["key"], tag["value"]) for tag in tags)
        kept = kept_tags(pairs, self._label_names.tag_names)
        return self._label_names.read_tags(kept).project
