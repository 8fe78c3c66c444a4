"""Shows the dashboards on this machine: `make preview [LOGS="PATH ..."] [OUT=dashboards.html]`."""

from __future__ import annotations

import argparse
from contextlib import suppress
from pathlib import Path

import boto3

from cdk.local_cloud.cloud import LocalCloudError, open_local_cloud
from cdk.operations.account import in_account
from cdk.operations.terminal import CommandError, open_console, run_command
from dashboards.cloudwatch import SourceError
from dashboards.demo.demo import show_company
from dashboards.demo.sources import source_of_account, source_of_cloudwatch, source_of_logs
from dashboards.viewer.dashboard_session import Viewing
from dashboards.viewer.drawings import Source
from dashboards.viewer.pages import NoLibraryError, write_page
from dashboards.viewer.server import PreviewServer

_NO_PORT = "port {port}: {reason}. Name another one: make preview PORT=..."


def main() -> None:
    """Show the dashboards over the source that the command line names."""
    options = _parse_arguments()
    if options.logs and options.account:
        message = "name either LOGS or ACCOUNT: one source is shown."
        raise CommandError(message)
    if options.out and options.port:
        message = "name either OUT or PORT: a page is written or served."
        raise CommandError(message)
    if options.port and not options.port.isdecimal():
        raise CommandError(_NO_PORT.format(port=options.port, reason="no such port"))
    if options.logs:
        _present(source_of_logs(options.logs), options)
    elif options.account:
        in_account(lambda session: _present(_source_of_account(session), options))
    else:
        try:
            with open_local_cloud() as cloud:
                show_company(cloud, open_console())
                source = source_of_cloudwatch("the local cloud", cloud.client("cloudwatch"))
                _present(source, options)
        except LocalCloudError as error:
            raise CommandError(str(error)) from error


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("preview", description=__doc__, allow_abbrev=False)
    parser.add_argument("logs", nargs="*", type=Path, help="files and folders of invocation logs")
    parser.add_argument("--account", action="store_true", help="the account of your credentials")
    parser.add_argument("--out", type=Path, help="write one HTML file instead of serving")
    parser.add_argument("--port", default="", help="where to serve; else a free port")
    return parser.parse_args()


def _source_of_account(session: boto3.Session) -> Source:
    account = session.client("sts").get_caller_identity()["Account"]
    name = f"account {account}, {session.region_name}"
    return source_of_account(name, session.client("cloudwatch"))


def _present(source: Source, options: argparse.Namespace) -> None:
    viewing = Viewing.of(source)
    try:
        if options.out:
            _write(viewing, options.out)
        else:
            _serve(viewing, options.port)
    except NoLibraryError as error:
        raise CommandError(str(error)) from None
    except SourceError as error:
        message = f"{source.name} does not answer: {error}"
        raise CommandError(message) from None


def _write(viewing: Viewing, out: Path) -> None:
    try:
        write_page(viewing, out)
    except OSError as error:
        message = f"OUT={out}: {error.strerror}."
        raise CommandError(message) from None
    if out.is_file():  # else it goes where this line would spoil it
        print(f"The dashboards, as one file for your browser: {out.resolve()}")


def _serve(viewing: Viewing, port: str) -> None:
    try:
        server = PreviewServer(viewing, int(port or 0))
    except (OSError, OverflowError) as error:  # taken, not ours to take, or too large
        reason = getattr(error, "strerror", "no such port")
        raise CommandError(_NO_PORT.format(port=port, reason=reason)) from None
    with server, suppress(KeyboardInterrupt):
        name = viewing.source.name
        print(f"The dashboards, over {name}: {server.address} (end with Ctrl+C)", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    run_command("preview", main)
