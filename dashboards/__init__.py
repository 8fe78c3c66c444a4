"""What people look at: dashboards, and the preview that runs everything locally."""
