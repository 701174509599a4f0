"""The real PostgreSQL and NATS servers, from wheels, run by this process on a data folder."""

from shared.embedded.errors import DataDirInUse, EmbeddedError
from shared.embedded.nats import EmbeddedNats
from shared.embedded.postgres import EmbeddedPostgres
from shared.embedded.servers import Addresses, EmbeddedServers

__all__ = ["Addresses", "DataDirInUse", "EmbeddedError", "EmbeddedNats", "EmbeddedPostgres", "EmbeddedServers"]
