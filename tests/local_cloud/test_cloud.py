"""The emulator starts or explains in one line why not, and leaves nothing behind."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cdk.local_cloud.cloud import ACCOUNT, LocalCloud, LocalCloudError, open_local_cloud
from cdk.local_cloud.emulator import MINISTACK_VERSION
from tests.local_cloud.waiting import wait_for


def is_listening(endpoint: str) -> bool:
    host, port = endpoint.removeprefix("http://").split(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def test_it_listens_only_on_the_loopback_address_and_stops_afterwards() -> None:
    with open_local_cloud() as cloud:
        assert cloud.endpoint.startswith("http://127.0.0.1:")
        assert is_listening(cloud.endpoint)
        assert cloud.client("sts").get_caller_identity()["Account"] == ACCOUNT
    assert not is_listening(cloud.endpoint)
    assert not cloud.home.exists()
    assert cloud.process.returncode is not None


def test_it_ignores_the_user_s_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "secret")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://192.0.2.1")
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://192.0.2.1:3128")
    monkeypatch.setenv("NO_PROXY", "intranet.example.com")
    with open_local_cloud() as cloud:
        assert cloud.client("sts").get_caller_identity()["Account"] == ACCOUNT
        assert cloud.environment["no_proxy"] == "intranet.example.com,127.0.0.1"
        assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN"} & cloud.environment.keys()
        assert cloud.environment["HOME"] == str(cloud.home)
        assert cloud.environment["CDK_HOME"].startswith(str(cloud.home))


def test_a_port_in_use_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(LocalCloudError, match=f"port {port} is taken"), open_local_cloud(port):
            pass


def test_an_emulator_that_exited_is_reported_with_its_last_output(cloud: LocalCloud) -> None:
    cloud.check()
    with open_local_cloud() as another:
        os.kill(another.process.pid, signal.SIGKILL)
        wait_for(lambda: another.process.poll() is not None)
        with pytest.raises(LocalCloudError, match="the local cloud ended by itself: "):
            another.check()


def test_an_emulator_that_exits_during_a_request_is_reported() -> None:
    def ask_killed_emulator() -> None:
        with open_local_cloud() as cloud:
            os.killpg(cloud.process.pid, signal.SIGKILL)
            cloud.client("sts").get_caller_identity()

    with pytest.raises(LocalCloudError, match="the local cloud ended by itself: "):
        ask_killed_emulator()


def test_a_setting_that_prevents_the_start_is_reported_and_leaves_no_process() -> None:
    with (
        pytest.raises(LocalCloudError, match="ended by itself"),
        open_local_cloud(settings={"PYTHONPATH": "/nonexistent", "GATEWAY_PORT": "nonsense"}),
    ):
        pass


def test_another_version_of_ministack_is_refused(tmp_path: Path) -> None:
    """The additions patch internal functions of one version."""
    metadata = tmp_path / "ministack-9.9.9.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: ministack\nVersion: 9.9.9\n")
    with (
        pytest.raises(LocalCloudError, match=rf"needs MiniStack {MINISTACK_VERSION}.* is 9\.9\.9"),
        open_local_cloud(settings={"PYTHONPATH": str(tmp_path)}),
    ):
        pass


ORPHAN = """
import os, signal
from cdk.local_cloud.cloud import open_local_cloud
with open_local_cloud() as cloud:
    print(cloud.endpoint, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_killed_process_leaves_no_emulator_behind() -> None:
    killed = subprocess.run(
        [sys.executable, "-c", ORPHAN], capture_output=True, text=True, check=False
    )
    endpoint = killed.stdout.strip()
    assert endpoint
    wait_for(lambda: not is_listening(endpoint))
