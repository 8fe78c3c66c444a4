"""Draws the dashboards of `dashboards/` on this machine, unchanged, with CloudWatch's semantics."""
