"""What people look at: dashboards, reports, and the commands that make them."""
