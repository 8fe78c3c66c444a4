"""One construct per function: its settings, its permissions and what starts it."""
