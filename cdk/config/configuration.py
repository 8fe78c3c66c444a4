"""The configuration of one deployment, from the context of `cdk.json` and `-c`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError, model_validator

from cdk.config import stack_names
from cdk.config.alarms import AlarmSettings
from cdk.config.configuration_error import ConfigurationError
from cdk.config.configuration_problems import explain
from cdk.config.credits import CreditSettings
from cdk.config.dashboards import DashboardSettings
from cdk.config.gateway import GatewaySettings
from cdk.config.governance import GovernanceSettings
from cdk.config.invocation_logging import LoggingSettings
from cdk.config.metering import MeteringSettings
from cdk.config.operations import OperationSettings
from cdk.config.prices import PriceSettings
from cdk.config.reports import ReportSettings
from cdk.config.webhooks import WebhookSettings
from lambdas.domain.credits import ExhaustedAction
from lambdas.functions.focus_exporter.settings import SHORTEST_LEDGER_DAYS
from lambdas.meter_name import DEFAULT_NAME, METER_NAME, NAME_VARIABLE
from lambdas.wiring.allowed_values import check

CDK_JSON = Path(__file__).parents[2] / "cdk.json"
_NAME = re.compile(rf"{DEFAULT_NAME}(-[A-Z][A-Za-z0-9]{{0,15}})?", re.ASCII)
_OWN_KEY = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


class Config(
    DashboardSettings,
    AlarmSettings,
    ReportSettings,
    PriceSettings,
    MeteringSettings,
    CreditSettings,
    GatewaySettings,
    GovernanceSettings,
    WebhookSettings,
    LoggingSettings,
    OperationSettings,
):
    """All settings of a deployment. docs/settings.md explains each one."""

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> Self:
        """Read the settings in the context of a CDK app; the CDK's own entries are left alone.

        Raises:
            ConfigurationError: Settings are unknown, or their values or the name are not allowed.
        """
        if not _NAME.fullmatch(METER_NAME):
            message = (
                f"{NAME_VARIABLE} is {METER_NAME!r}; allowed: {DEFAULT_NAME}, or {DEFAULT_NAME}-"
                " and up to 16 letters and digits, beginning with a capital letter (the deployer's"
                " policy covers no other names)"
            )
            raise ConfigurationError(message)
        # The CDK's own entries have a colon, a slash or a hyphen in their names.
        own = {name: value for name, value in context.items() if _OWN_KEY.fullmatch(name)}
        try:
            return cls.model_validate(own)
        except ValidationError as error:
            problems = "\n".join(f"  {explain(problem, cls)}" for problem in error.errors())
            message = f"The configuration is invalid:\n{problems}"
            raise ConfigurationError(message) from None

    def check_account(self, account_id: str) -> None:
        """Check that the settings are for an account.

        Raises:
            ConfigurationError: They exempt principals of another account, and so protect no one.
        """
        for number, pattern in enumerate(self.brake_exempt):
            if pattern.split(":")[4] not in {"*", account_id}:
                message = (
                    f"The configuration is invalid:\n  brake_exempt.{number} = {pattern!r}:"
                    f" allowed: principals of the account {account_id}, or * for the account"
                )
                raise ConfigurationError(message)

    @property
    def stacks(self) -> tuple[str, ...]:
        """The names of the stacks that this configuration deploys."""
        has_reports = self.focus_export or self.comparison_report
        missing = {
            *(() if has_reports else (stack_names.REPORTING,)),
            *(() if self.governance else (stack_names.GOVERNANCE,)),
            *(() if self.gateway else (stack_names.GATEWAY,)),
            *(() if self.webhooks else (stack_names.WEBHOOKS,)),
        }
        return tuple(name for name in stack_names.ALL if name not in missing)

    @property
    def has_weekly_summary(self) -> bool:
        """Say if a summary of each week is sent."""
        return bool(self.notify_emails) if self.weekly_summary is None else self.weekly_summary

    @model_validator(mode="after")
    def _exports_whole_periods(self) -> Self:
        check(
            "ledger_retention_days",
            f"{SHORTEST_LEDGER_DAYS} or more if focus_export is true, because the export covers two"
            f" billing periods; given: {self.ledger_retention_days}",
            is_so=not self.focus_export or self.ledger_retention_days >= SHORTEST_LEDGER_DAYS,
        )
        return self

    @model_validator(mode="after")
    def _audits_keys(self) -> Self:
        check("gateway", "true only with governance", is_so=self.governance or not self.gateway)
        return self

    @model_validator(mode="after")
    def _burns_counted_usage(self) -> Self:
        check("credits", "true only with governance", is_so=self.governance or not self.credits)
        is_enforced = bool(self.credits_exhausted)
        check("credits_exhausted", "only with credits", is_so=self.credits or not is_enforced)
        for action, is_on in (
            (ExhaustedAction.BRAKE, self.brake),
            (ExhaustedAction.GATEWAY, self.gateway),
        ):
            check(
                "credits_exhausted",
                f"{action} only with the setting {action}",
                is_so=is_on or action not in self.credits_exhausted,
            )
        return self


def read_config(path: Path = CDK_JSON, instead: Mapping[str, str] | None = None) -> Config:
    """Read the configuration in `cdk.json`.

    Args:
        path: The file.
        instead: Settings of a command line, which replace those of the file.

    Raises:
        ConfigurationError: It cannot be read or used.
    """
    return Config.from_context({**_read_context(path), **(instead or {})})


def _read_context(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"{path.name}: {error.strerror}."
        raise ConfigurationError(message) from None
    except json.JSONDecodeError as error:
        message = f"{path.name}: not JSON, line {error.lineno}: {error.msg}."
        raise ConfigurationError(message) from None
    except (UnicodeDecodeError, RecursionError):
        message = f"{path.name}: not JSON."
        raise ConfigurationError(message) from None
    context = content.get("context", {}) if isinstance(content, dict) else None
    if not isinstance(context, dict):
        message = f'{path.name}: allowed: {{"context": {{...}}}} with the settings inside.'
        raise ConfigurationError(message)
    return context
