"""`python -m pyrite.executors._process SOCKET`: a worker that talks over an inherited socket."""

from __future__ import annotations

import os
import sys
import threading
from multiprocessing.connection import Connection

from pyrite.executors._worker import Ready, Worker


def main() -> None:
    """Work until the driver ends or has no more to do."""
    threading.Thread(target=_leave_with_the_driver, daemon=True).start()
    worker = Worker()
    with Connection(int(sys.argv[1])) as driver:
        try:
            opened = worker.open(driver.recv())
            driver.send(opened)
            while isinstance(opened, Ready):
                driver.send_bytes(worker.do(driver.recv_bytes()))
        except (EOFError, BrokenPipeError, ConnectionResetError):
            worker.close()


def _leave_with_the_driver() -> None:
    # Nothing is ever written to this pipe: it ends when the driver does, in whatever way.
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    main()
