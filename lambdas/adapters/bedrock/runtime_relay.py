"""Sends requests to bedrock-runtime as role sessions, and returns its answers byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import perf_counter_ns
from typing import TYPE_CHECKING

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from lambdas.domain.bedrock_calls import (
    BedrockAnswer,
    BedrockAnswerLostError,
    BedrockNotReachedError,
    BedrockRequest,
)

if TYPE_CHECKING:
    from botocore.credentials import Credentials
    from urllib3.response import BaseHTTPResponse

SIGNING_NAME = "bedrock"
_CONNECT_SECONDS = 2
_MAX_CONNECTIONS = 32


class BedrockRuntimeRelay:
    """Sends signed requests over connections that stay open.

    No request is sent twice: the caller's SDK retries, and each attempt has its own reservation.
    """

    def __init__(
        self,
        endpoint: str,
        region: str,
        get_credentials: Callable[[str], Credentials],
        read_seconds: float,
    ) -> None:
        """Send requests to an endpoint.

        Args:
            endpoint: Its URL.
            region: The Region.
            get_credentials: Gets the credentials of a role session by its name.
            read_seconds: The longest pause between two pieces of an answer. Models think for
                minutes before the first one.
        """
        self._endpoint = endpoint.rstrip("/")
        self._region = region
        self._get_credentials = get_credentials
        self._pool = urllib3.PoolManager(
            maxsize=_MAX_CONNECTIONS,
            retries=False,
            timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=read_seconds),
        )

    def send(self, request: BedrockRequest) -> BedrockAnswer:
        """Send a request, and return as soon as the headers of the answer are there.

        Raises:
            BedrockNotReachedError: It was not sent.
            BedrockAnswerLostError: It was sent, and no answer came.
        """
        url = f"{self._endpoint}{request.path}"
        start = perf_counter_ns()
        headers = self._sign(url, request)
        signing_ns = perf_counter_ns() - start
        try:
            response = self._pool.request(
                "POST",
                url,
                body=request.body,
                headers=headers,
                preload_content=False,
                decode_content=False,
                redirect=False,
            )
        except (ConnectTimeoutError, NewConnectionError) as error:
            raise BedrockNotReachedError(type(error).__name__) from None
        except HTTPError as error:
            raise BedrockAnswerLostError(type(error).__name__) from None
        return BedrockAnswer(
            response.status, list(response.headers.items()), _read_pieces(response), signing_ns
        )

    def _sign(self, url: str, request: BedrockRequest) -> dict[str, str]:
        try:
            credentials = self._get_credentials(request.session_name)
        except (BotoCoreError, ClientError) as error:
            message = f"no session: {type(error).__name__}"
            raise BedrockNotReachedError(message) from error
        signed = AWSRequest("POST", url, data=request.body, headers=dict(request.headers))
        SigV4Auth(credentials, SIGNING_NAME, self._region).add_auth(signed)
        return dict(signed.headers.items())


def _read_pieces(response: BaseHTTPResponse) -> Iterator[bytes]:
    """Read what has arrived, and give the connection back after the last byte."""
    try:
        while piece := response.read1():
            yield piece
    except HTTPError as error:
        raise BedrockAnswerLostError(type(error).__name__) from None
    finally:
        response.release_conn()
