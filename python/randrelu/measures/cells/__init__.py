"""The linear region of a point: how far it reaches, and its facets."""
