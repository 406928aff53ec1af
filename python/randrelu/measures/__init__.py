"""Questions about a network, one to a module."""
