"""Adapters on Amazon Bedrock."""
