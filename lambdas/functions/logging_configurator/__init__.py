"""Custom resource: switches Bedrock invocation logging on without harm."""
