"""The HTTP engine: interprets test definitions on aiohttp. Nothing of a test is ever executed as code."""

from services.executor.adapters.http_engine.engine import HttpEngine

__all__ = ["HttpEngine"]
