"""Compares the meter's counts with Bedrock's own."""
