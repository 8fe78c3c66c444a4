"""Compares what the meter has counted with what Bedrock has."""
