"""Calibrates forecasts on the deployment's own usage."""
