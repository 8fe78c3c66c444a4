"""Sends traces to the OTLP endpoint of AWS X-Ray, signed.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch-OTLPEndpoint.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING

import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from urllib3.exceptions import HTTPError

from lambdas.domain.call_traces import JsonDocument, TraceNotSentError

if TYPE_CHECKING:
    from botocore.credentials import Credentials

SIGNING_NAME = "xray"
PATH = "/v1/traces"
CONNECT_SECONDS, READ_SECONDS = 0.5, 1.0
"""Short: the environment takes no other call meanwhile."""


class XRayTraces:
    """Sends each trace by a request of its own, once."""

    def __init__(
        self,
        endpoint: str,
        region: str,
        get_credentials: Callable[[], Credentials | None],
        read_seconds: float = READ_SECONDS,
    ) -> None:
        """Send traces to an endpoint.

        Args:
            endpoint: The URL of X-Ray in a Region.
            region: The Region.
            get_credentials: Gets the function's own credentials.
            read_seconds: The longest wait for an answer.
        """
        self._url = f"{endpoint.rstrip('/')}{PATH}"
        self._region = region
        self._get_credentials = get_credentials
        self._pool = urllib3.PoolManager(
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds),
        )

    def send(self, document: JsonDocument) -> None:
        """Send the document of a trace.

        Raises:
            TraceNotSentError: It was not taken.
        """
        body = json.dumps(document, separators=(",", ":")).encode()
        try:
            response = self._pool.request(
                "POST", self._url, body=body, headers=self._sign(body), redirect=False
            )
        except (BotoCoreError, HTTPError) as error:
            raise TraceNotSentError(type(error).__name__) from None
        if response.status != HTTPStatus.OK:
            # The code alone: the message could quote the document.
            code = response.headers.get("x-amzn-errortype", "").partition(":")[0][:80]
            raise TraceNotSentError(f"{response.status} {code}".rstrip())

    def _sign(self, body: bytes) -> dict[str, str]:
        credentials = self._get_credentials()
        if credentials is None:
            message = "no credentials"
            raise TraceNotSentError(message)
        headers = {"content-type": "application/json"}
        signed = AWSRequest("POST", self._url, data=body, headers=headers)
        SigV4Auth(credentials, SIGNING_NAME, self._region).add_auth(signed)
        return dict(signed.headers.items())
