"""Everything that is drawn, and the kit that draws it."""
