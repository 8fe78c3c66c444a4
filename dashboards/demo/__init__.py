"""The demo, and the preview of the dashboards."""
