"""HTTP and WebSocket of the gateway: `proxy`, `documents`, `websocket`, `headers`."""
