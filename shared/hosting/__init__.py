"""The host: builds the chosen services on one infrastructure, serves each at its own address, stops them in order.

A service's `module.py` has `build(settings: InfraSettings, infra: Infra) -> Module`; it is found by name.
"""

from shared.hosting.host import Host, HostError
from shared.hosting.infra import Infra
from shared.hosting.module import Module, service_names

__all__ = ["Host", "HostError", "Infra", "Module", "service_names"]
