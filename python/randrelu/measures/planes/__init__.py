"""Every linear region of a plane, exactly, and what is asked of it."""
