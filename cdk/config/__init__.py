"""Every setting, in sections, checked before anything else: `Config.from_context`."""

from __future__ import annotations

from cdk.config.alarms import CostThresholds, Thresholds, Window, WindowThresholds
from cdk.config.configuration import CDK_JSON, Config, read_config
from cdk.config.configuration_error import ConfigurationError
from cdk.config.dashboards import ExtraDashboard

__all__ = [
    "CDK_JSON",
    "Config",
    "ConfigurationError",
    "CostThresholds",
    "ExtraDashboard",
    "Thresholds",
    "Window",
    "WindowThresholds",
    "read_config",
]
