"""Who people are: users, organisations, sessions, API keys, and the tokens that prove it."""
