"""Publishes the cost of calls that had no price before, once there is one."""
