"""Ports of the brake on IAM."""
