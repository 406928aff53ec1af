"""How the sensitivity falls with depth."""
