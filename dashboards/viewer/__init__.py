"""Draws the dashboards of `dashboards/` as a deployment has them, with CloudWatch's semantics."""
