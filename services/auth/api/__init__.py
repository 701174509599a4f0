"""HTTP of auth: `sessions` under /api/auth, `keys` under /api/user."""
