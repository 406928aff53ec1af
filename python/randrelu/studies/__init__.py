"""Studies of the questions that the paper leaves open."""
