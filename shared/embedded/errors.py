"""What can go wrong with embedded servers; messages are for the person at the terminal."""


class EmbeddedError(RuntimeError):
    """An embedded server did not start, stop or answer. The message says which, why, and where its log is."""


class DataDirInUse(EmbeddedError):
    """Another running process owns the data folder."""
