"""The real parts behind the ports, on messaging."""
