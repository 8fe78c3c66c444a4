"""Reports over log files on this machine: meter, focus, compare, reconcile."""
