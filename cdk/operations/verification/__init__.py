"""Verifies the meter in an account: deploys it beside nothing, checks it, and removes it again.

Names of resources derive from a variable that is read when they are imported, so that this file
imports nothing.
"""

VERIFICATION_NAME = "BedrockMeter-Verify"
"""The name of the deployment that a verification makes."""
