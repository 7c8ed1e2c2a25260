"""A proxy for Glue that can inspect, change, drop and answer requests."""

import http.client
import json
import re
from collections.abc import Callable
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import urlsplit

from programs import LOCALHOST

RequestHook = Callable[[str, dict[str, Any]], dict[str, Any] | None]


class GlueProxy:
    """Forwards requests as `filter_request` returns them.

    If `filter_request` returns None, the connection is closed without an answer. If `respond` returns an answer, the
    request is not forwarded. The catalog behind the proxy does not verify signatures.
    """

    def __init__(self, url: str, filter_request: RequestHook, respond: RequestHook = lambda *_: None):
        behind = urlsplit(url)

        def forward(request: dict[str, Any], received: Message) -> tuple[int, bytes]:
            connection = http.client.HTTPConnection(behind.hostname or "", behind.port)
            headers = {name: received[name] for name in ("Content-Type", "X-Amz-Target", "Authorization")}
            connection.request("POST", "/", json.dumps(request), headers)
            reply = connection.getresponse()
            content = reply.read()
            connection.close()
            return reply.status, content

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                operation = self.headers["X-Amz-Target"].rpartition(".")[2]
                request = filter_request(operation, json.loads(body))
                if request is None:
                    self.close_connection = True
                    return
                answer = respond(operation, request)
                status, content = (200, json.dumps(answer).encode()) if answer else forward(request, self.headers)
                self.send_response(status)
                self.send_header("Content-Type", "application/x-amz-json-1.1")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """Ignores clients that are killed or give up."""

        self.server = Server((LOCALHOST, 0), Handler)
        self.url = f"http://{LOCALHOST}:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


def without_unreadable_filter(operation: str, request: dict[str, Any]) -> dict[str, Any]:
    """Removes a partition filter that moto cannot parse. Trino filters the result again.

    Trino 476 does not escape quotes in filters (`label = 'Farmer's Market'`). moto rejects tabs and line breaks.
    """
    literals_removed = re.sub(r"'[^'\x00-\x1f]*'(?=[),])", "", request.get("Expression", ""))
    if operation == "GetPartitions" and "'" in literals_removed:
        return {name: value for name, value in request.items() if name != "Expression"}
    return request
