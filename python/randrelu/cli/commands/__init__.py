"""The commands, which are plain functions."""
