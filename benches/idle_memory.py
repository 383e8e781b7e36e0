#!/usr/bin/env python3
"""User memory of idle WebSocket connections: opens N of them, subscribed to nothing, and reads the server's RssAnon.

    target/release/feed-server --rate 1 --shards 1 &
    python3 benches/idle_memory.py --pid $! --connections 10000

Loopback only; ends by itself. Linux (reads /proc).
"""

import argparse
import socket
import time

HANDSHAKE = (
    "GET /v1/ws?heartbeat_ms=0 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
).encode()
PER_SOURCE_ADDRESS = 9000


def anonymous_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))


def connect(number, port):
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.bind((f"127.0.0.{2 + number // PER_SOURCE_ADDRESS}", 0))
    sock.connect(("127.0.0.1", port))
    sock.sendall(HANDSHAKE)
    answer = sock.recv(256)
    if b" 101 " not in answer:
        raise SystemExit(f"no WebSocket: {answer.decode(errors='replace')}")
    return sock


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pid", type=int, required=True, help="the server's process")
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--connections", type=int, default=10_000)
    arguments = parser.parse_args()
    before = anonymous_kib(arguments.pid)
    sockets = [connect(number, arguments.port) for number in range(arguments.connections)]
    time.sleep(1)  # the last handshakes' buffers go back
    grown = anonymous_kib(arguments.pid) - before
    print(f"{len(sockets)} connections: {grown} KiB, {grown / len(sockets):.2f} KiB each")


if __name__ == "__main__":
    main()
