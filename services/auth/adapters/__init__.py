"""The real password hashing and token signing."""
