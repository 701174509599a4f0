"""The front door: every route of every service, one OpenAPI document, and events over WebSocket."""
