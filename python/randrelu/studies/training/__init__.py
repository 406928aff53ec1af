"""Whether trained networks are nearly linear, and fall to one step for that reason."""
