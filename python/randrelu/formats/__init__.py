"""A file, or another library's network, as a `Network`, and back."""
