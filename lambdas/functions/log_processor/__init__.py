"""Turns Bedrock invocation logs, delivered by CloudWatch Logs, into the usage ledger."""
