"""The process of one embedded server: how it is stopped, killed and asked after."""

from __future__ import annotations

import signal
import subprocess

from shared.embedded.guard import end


class ServerProcess:
    """Base of the embedded servers; `start()` of a subclass sets `_process`."""

    _process: subprocess.Popen[bytes] | None = None

    @property
    def stop_signal(self) -> int:
        """The signal that stops the server in order."""
        return signal.SIGTERM

    def stop(self) -> None:
        """Stop in order; nothing happens when it is not running."""
        if self._process is not None:
            end(self._process, self.stop_signal)
            self._process = None

    def kill(self) -> None:
        """kill -9, as a fault would; `start()` brings it back on the same address."""
        if self._process is not None:
            end(self._process, signal.SIGKILL)
            self._process = None

    @property
    def running(self) -> bool:
        """Whether the server that this object started is alive."""
        return self._process is not None and self._process.poll() is None
