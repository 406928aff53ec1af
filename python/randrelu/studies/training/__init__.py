"""Whether trained networks are attacked for the same reason as random ones."""
