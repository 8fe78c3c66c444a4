"""Starts and stops the emulator."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ConnectionError as UnreachableError
from botocore.exceptions import HTTPClientError

ACCOUNT = "111122223333"
REGION = "us-east-1"
ROOT_KEY = "test"

_ROOT = Path(__file__).resolve().parents[2]
_PYTHON = _ROOT / ".venv" / "local-cloud" / "bin" / "python"
_HOST = "127.0.0.1"
_SECONDS_TO_START = 30
_SECONDS_TO_STOP = 5
_PAUSE_SECONDS = 0.05
# botocore's settings, each by its sources: a key of the profile, the environment, a
# default. https://botocore.amazonaws.com/v1/documentation/api/latest/reference/config.html
_NOTHING_OF_THE_USERS = {
    "profile": (None, None, None, None),
    "config_file": (None, None, os.devnull, None),
    "credentials_file": (None, None, os.devnull, None),
}


class LocalCloudError(Exception):
    """The emulator is not there. Its text is one line that says what to do."""


@dataclass(frozen=True, slots=True)
class LocalCloud:
    """A running emulator.

    Attributes:
        endpoint: Its address, for every service.
        home: Its temporary folder, with the log.
        environment: The variables for commands that use it, without the user's credentials.
        process: Its process.
    """

    endpoint: str
    home: Path
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes]

    def client(
        self,
        service: str,
        access_key: str = ROOT_KEY,
        secret_key: str = ROOT_KEY,
        session_token: str | None = None,
        *,
        region: str = REGION,
    ) -> Any:
        """A boto3 client of a service, as the account's root or with other credentials."""
        session = open_session(access_key, secret_key, session_token, region=region)
        return session.client(  # type: ignore[call-overload]  # any service
            service, endpoint_url=self.endpoint, config=Config(proxies={})
        )

    def check(self) -> None:
        """Check that it still runs.

        Raises:
            LocalCloudError: It does not.
        """
        if self.process.poll() is not None:
            raise LocalCloudError(_ended(self.home))


def open_session(
    access_key: str | None = None,
    secret_key: str | None = None,
    session_token: str | None = None,
    *,
    region: str = REGION,
) -> boto3.Session:
    """Open a session that reads none of the user's profiles and files."""
    own = botocore.session.Session(session_vars=_NOTHING_OF_THE_USERS)
    return boto3.Session(
        access_key, secret_key, session_token, region_name=region, botocore_session=own
    )


@contextmanager
def open_local_cloud(
    port: int | None = None, settings: Mapping[str, str] | None = None
) -> Iterator[LocalCloud]:
    """Start an emulator on the loopback address, and remove all of it in the end.

    Args:
        port: The port; `None` for a free one.
        settings: Further variables of MiniStack's, such as `AUTH`.

    Raises:
        LocalCloudError: It cannot be started, or it ended during the start.
    """
    if not _PYTHON.exists():
        message = "the local cloud is not installed: make preview and make demo install it."
        raise LocalCloudError(message)
    port = _check_free(port) if port else _free_port()
    with tempfile.TemporaryDirectory(prefix="bedrock-meter-") as folder:
        home = Path(folder)
        endpoint = f"http://{_HOST}:{port}"
        process = _start(port, home, settings or {})
        try:
            cloud = LocalCloud(endpoint, home, _environment(endpoint, home), process)
            _wait_for(cloud)
            yield cloud
        except (HTTPClientError, UnreachableError):
            cloud.check()
            raise
        finally:
            _stop(process)


def _start(port: int, home: Path, settings: Mapping[str, str]) -> subprocess.Popen[bytes]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "TMPDIR": str(home),
        "BIND_HOST": _HOST,
        "GATEWAY_PORT": str(port),
        "MINISTACK_ACCOUNT_ID": ACCOUNT,
        "MINISTACK_REGION": REGION,
        "SFTP_ENABLED": "0",
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "PYTHONDONTWRITEBYTECODE": "1",
        **settings,
    }
    with _log(home).open("wb") as log:
        return subprocess.Popen(
            [str(_PYTHON), "-m", "cdk.local_cloud.emulator"],
            cwd=_ROOT,
            env=environment,
            stdin=subprocess.PIPE,  # it ends when this is closed, however we end
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _environment(endpoint: str, home: Path) -> dict[str, str]:
    """The environment without the user's credentials and caches; package settings stay."""
    rest = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    direct = ",".join(filter(None, [rest.get("NO_PROXY", rest.get("no_proxy")), _HOST]))
    return {
        **rest,
        "NO_PROXY": direct,
        "no_proxy": direct,
        "XDG_CONFIG_HOME": rest.get("XDG_CONFIG_HOME", str(Path.home() / ".config")),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",  # the Node that lies there
        "HOME": str(home),
        "TMPDIR": str(home),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": ROOT_KEY,
        "AWS_SECRET_ACCESS_KEY": ROOT_KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_HOME": str(home / ".cdk"),  # its cache of the accounts of access keys
        "CDK_DEFAULT_ACCOUNT": ACCOUNT,
        "CDK_DEFAULT_REGION": REGION,
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _wait_for(cloud: LocalCloud) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    opener = build_opener(ProxyHandler({}))
    while time.monotonic() < deadline:
        cloud.check()
        try:
            with opener.open(f"{cloud.endpoint}/_localstack/health", timeout=1):
                return
        except (URLError, OSError):
            time.sleep(_PAUSE_SECONDS)
    message = f"the local cloud did not answer within {_SECONDS_TO_START} seconds: try again."
    raise LocalCloudError(message)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """End it with all functions that it runs, which belong to its process group."""
    for ending in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, ending)
        except ProcessLookupError:
            break
        try:
            process.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            continue
    process.wait()
    if process.stdin is not None:
        process.stdin.close()


def _ended(home: Path) -> str:
    lines = _log(home).read_text(errors="replace").strip().splitlines()
    return f"the local cloud ended by itself: {lines[-1] if lines else 'it said nothing'}"


def _log(home: Path) -> Path:
    return home / "local-cloud.log"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _check_free(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            message = f"port {port} is taken: end what listens there, or name another one."
            raise LocalCloudError(message) from error
    return port
