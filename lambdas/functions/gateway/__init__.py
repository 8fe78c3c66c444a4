"""The gateway: calls of Amazon Bedrock within token limits."""
