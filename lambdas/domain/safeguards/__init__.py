"""Compares the resources that detect and report tampering with their deployed state."""
