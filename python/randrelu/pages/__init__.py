"""Pages that need no other file: their figures, their look, their folder."""
