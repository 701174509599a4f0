"""What the gateway knows for a while: exchanged API keys, and who follows which project."""
