"""Every check in one run, and the report of it."""
