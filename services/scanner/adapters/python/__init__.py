"""Reads FastAPI and Flask programs by partial evaluation: the module graph is executed on abstract values."""
