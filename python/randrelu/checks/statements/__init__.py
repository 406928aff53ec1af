"""The statements of the paper, one to a module."""
