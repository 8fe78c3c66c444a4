"""Adapters on DynamoDB."""
