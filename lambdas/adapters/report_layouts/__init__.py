"""Layouts of reports: text tables, JSON, CSV, and the files that hold them."""
