"""Lambda functions, and the event source mappings that start them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, cast

from lambdas.adapters.refusals import ignore_absent, refusal_as_not_readable
from lambdas.domain.safeguards.functions import Function

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class LambdaFunctions:
    """Reads functions of one account and Region."""

    def __init__(self, client: LambdaClient) -> None:
        """Read with a Lambda client."""
        self._client = client

    def read(self, names: Collection[str]) -> Mapping[str, Function]:
        """Those of the named functions that exist."""
        with refusal_as_not_readable():
            return {name: function for name in names if (function := self._find(name)) is not None}

    def read_mappings(self, ids: Collection[str]) -> Mapping[str, Mapping[str, Any]]:
        """Those of the event source mappings that exist."""
        with refusal_as_not_readable():
            return {one: mapping for one in ids if (mapping := self._find_mapping(one)) is not None}

    def _find(self, name: str) -> Function | None:
        with ignore_absent():
            configuration = self._client.get_function_configuration(FunctionName=name)
            concurrency = self._client.get_function_concurrency(FunctionName=name)
            return Function(
                cast("Mapping[str, Any]", configuration),
                concurrency.get("ReservedConcurrentExecutions"),
                self._asynchronous(name),
            )
        return None

    def _asynchronous(self, name: str) -> Mapping[str, Any]:
        with ignore_absent():
            return cast(
                "Mapping[str, Any]",
                self._client.get_function_event_invoke_config(
                    FunctionName=name, Qualifier="$LATEST"
                ),
            )
        return {}

    def _find_mapping(self, mapping_id: str) -> Mapping[str, Any] | None:
        with ignore_absent():
            mapping = self._client.get_event_source_mapping(UUID=mapping_id)
            return cast("Mapping[str, Any]", mapping)
        return None
