"""A service that can't be built."""

from shared.hosting import Infra, Module
from shared.settings import InfraSettings


def build(settings: InfraSettings, infra: Infra) -> Module:
    raise ValueError("no such setting")
