"""Shows the dashboards on this machine: `make preview [LOGS="PATH ..."] [OUT=page.html]`."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from functools import partial
from pathlib import Path

import boto3
from rich.console import Console
from rich.progress import Progress

from cdk.config import read_config
from cdk.operations.account import in_account
from cdk.operations.terminal import CommandError
from dashboards.cloudwatch import SourceError
from dashboards.reports.commands import report_gaps
from dashboards.reports.logs.skipped_files import MAX_EXAMPLES
from dashboards.viewer.dashboard_session import ALL_DAYS, DashboardSession
from dashboards.viewer.drawings import Source
from dashboards.viewer.pages import NoLibraryError, write_page
from dashboards.viewer.profile_labels import BedrockProfiles
from dashboards.viewer.server import HOST, PreviewServer
from dashboards.viewer.sources import source_of_account, source_of_logs
from dashboards.viewer.time_ranges import DayRange, NoDataError

_SUFFIXES = {"", ".htm", ".html"}  # none: a pipe, such as /dev/stdout


def show_dashboards(  # noqa: PLR0913  # an argument for each choice
    logs: Sequence[Path],
    *,
    account: bool,
    open_other: Callable[[], AbstractContextManager[Source]],
    days: DayRange = ALL_DAYS,
    port: int | None = None,
    out: Path | None = None,
) -> None:
    """Show the dashboards over log files, the account, or another source.

    Args:
        logs: Files and folders of invocation logs.
        account: Show the account of the credentials.
        open_other: Opens the source to show where there are no logs and no account.
        days: The days to show first.
        port: The port to serve at; `None` for one that is free.
        out: The HTML file to write instead of serving.

    Raises:
        CommandError: There is more than one source or target, or it cannot be used.
    """
    if logs and account:
        message = "choose LOGS or --account, not both."
        raise CommandError(message)
    if out and port:
        message = "choose --out or --port, not both."
        raise CommandError(message)
    _check_target(port, out)
    if logs:
        _present(source_of_logs(logs), days, port, out)
    elif account:
        in_account(lambda session: _present(_open_account(session), days, port, out))
    else:
        with open_other() as source:
            _present(source, days, port, out)


def _check_target(port: int | None, out: Path | None) -> None:
    """Check where the page goes, before logs are read or a local cloud starts.

    Raises:
        CommandError: The file cannot be a page, its folder is missing, or the port is taken.
    """
    if out is not None:
        if out.suffix not in _SUFFIXES:
            message = f"--out {out}: the page is HTML, so name a file such as page.html."
            raise CommandError(message)
        if not out.parent.is_dir():
            message = f"--out {out}: there is no folder {out.parent}."
            raise CommandError(message)
        _check_writable(out)
    if port is not None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server does
            try:
                probe.bind((HOST, port))
            except OSError as error:
                raise _refuse_port(port, error) from None


def _check_writable(out: Path) -> None:
    """Check that a page can be written, and leave no trace of the check.

    Raises:
        CommandError: It cannot be opened to write.
    """
    is_new = not out.exists()
    try:
        out.open("ab").close()
    except OSError as error:
        message = f"--out {out}: {error.strerror}."
        raise CommandError(message) from None
    if is_new:
        out.unlink()


def _refuse_port(port: int | None, error: OSError) -> CommandError:
    return CommandError(f"port {port}: {error.strerror}. Name another one: --port NUMBER.")


def _open_account(session: boto3.Session) -> Source:
    account = session.client("sts").get_caller_identity()["Account"]
    name = f"account {account}, {session.region_name}"
    config = read_config()
    profiles = BedrockProfiles(session.client("bedrock"), config.attribution_rules.label_names)
    cloudwatch = session.client("cloudwatch")
    return source_of_account(name, cloudwatch, config=config, find_profile=profiles.find)


def _present(source: Source, days: DayRange, port: int | None, out: Path | None) -> None:
    try:
        session = DashboardSession.from_source(source, days)
        if out:
            _write(session, out)
        else:
            _serve(session, port)
    except (NoLibraryError, NoDataError) as error:
        raise CommandError(str(error)) from None
    except SourceError as error:
        message = f"{source.name} does not answer: {error}"
        raise CommandError(message) from None


def _write(session: DashboardSession, out: Path) -> None:
    print(f"Drawing {len(session.bodies)} dashboards ...", file=sys.stderr)
    errors = Console(stderr=True)
    try:
        # Without a thread that refreshes it: processes are forked while it is shown.
        is_hidden = not errors.is_terminal
        with Progress(
            console=errors, transient=True, disable=is_hidden, auto_refresh=False
        ) as progress:
            update = partial(progress.update, progress.add_task("Drawing"), refresh=True)
            write_page(session, out, lambda done, all_: update(completed=done, total=all_))
    except OSError as error:
        message = f"--out {out}: {error.strerror}."
        raise CommandError(message) from None
    if out.is_file():  # else it goes where this line would spoil it
        print(f"The dashboards, as one file for your browser: {out.resolve()}")
    problems = session.source.problems
    report_gaps(len(problems), problems[:MAX_EXAMPLES])


def _serve(session: DashboardSession, port: int | None) -> None:
    for problem in session.source.problems[:MAX_EXAMPLES]:
        print(f"Not read to the end: {problem}", file=sys.stderr)
    try:
        server = PreviewServer(session, port or 0)
    except OSError as error:  # taken, or not ours to take
        raise _refuse_port(port, error) from None
    with server, suppress(KeyboardInterrupt):
        name = session.source.name
        print(f"The dashboards, over {name}: {server.address} (end with Ctrl+C)", flush=True)
        server.serve_forever()
