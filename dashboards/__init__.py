"""Dashboards, reports, and the commands that make them."""
