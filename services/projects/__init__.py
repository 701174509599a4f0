"""Projects: what is tested, where it lives, and the state that it is in."""
