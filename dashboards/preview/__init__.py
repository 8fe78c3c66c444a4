"""Runs the meter on this machine: on log files of one's own, or on made-up traffic."""
