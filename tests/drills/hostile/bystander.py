"""A client in a separate process that requests scores continuously while a service is attacked.

    python tests/drills/hostile/bystander.py PORT KEY PATH < BODY

Prints a line for each request: when it was sent (`time.monotonic`), the seconds until its answer, and its status. It
ends when it is told to.
"""

from __future__ import annotations

import http.client
import socket
import sys
import time

PAUSE_SECONDS = 0.005


def connected(port: int) -> http.client.HTTPConnection:
    """A connection that sends at once."""
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    client.connect()
    client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client


def main() -> None:
    port, key, path = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    body, headers = sys.stdin.buffer.read(), {"content-type": "application/json", "x-api-key": key}
    client = connected(port)
    while True:
        sent = time.monotonic()
        try:
            client.request("POST", path, body, headers)
            response = client.getresponse()
            response.read()
            status = response.status
        except (OSError, http.client.HTTPException):
            status = 0
            client.close()
            client = connected(port)
        print(sent, time.monotonic() - sent, status, flush=True)
        time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main()
