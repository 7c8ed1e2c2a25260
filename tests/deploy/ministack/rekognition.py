"""Rekognition in front of which permissions are checked: a proxy to the simulator, which knows no IAM.

Rekognition starts a job if the caller may start it, may pass the role to Rekognition, and may read the video. This
proxy asks a function for each `StartLabelDetection`, and passes on all other requests.
"""

import http.client
import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self
from urllib.parse import urlsplit

START = "RekognitionService.StartLabelDetection"
# Code and message of an error.
Refusal = tuple[str, str]


class Rekognition:
    """A running proxy. Use as a context manager. `refusal` returns the error for a request to start a job, or None."""

    def __init__(self, simulator: str) -> None:
        self.refusal: Callable[[dict[str, Any]], Refusal | None] = lambda _: None
        address = urlsplit(simulator).netloc
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("x-amz-target") == START and (refused := proxy.refusal(json.loads(body))):
                    code, message = refused
                    self.reply(400, json.dumps({"__type": code, "Message": message}).encode())
                    return
                connection = http.client.HTTPConnection(address)
                connection.request("POST", self.path, body, dict(self.headers))
                response = connection.getresponse()
                self.reply(response.status, response.read())
                connection.close()

            def reply(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", "application/x-amz-json-1.1")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
