"""Dashboards, reports over log files, the demo, and the console script `bedrock-meter`."""
