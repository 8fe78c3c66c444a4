"""Finds calls that no log of the deployment has."""
