"""Reading Bedrock's model invocation logs."""
