"""The Lambda functions, named after their jobs: a thin handler and its settings each."""
