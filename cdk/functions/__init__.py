"""One construct per function: its settings, permissions and triggers."""
