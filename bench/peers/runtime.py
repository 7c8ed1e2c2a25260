"""A minimal Lambda runtime for Python: polls the Runtime API for events and posts the responses."""

import importlib
import json
import os
import sys
import traceback
from http.client import HTTPConnection
from typing import Any


def main(module: str) -> None:
    """Runs the function `handler` of a module for each event."""
    handler = importlib.import_module(module).handler
    connection = HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    base = "/2018-06-01/runtime/invocation"
    while True:
        connection.request("GET", f"{base}/next")
        reply = connection.getresponse()
        request_id, event = reply.headers["Lambda-Runtime-Aws-Request-Id"], json.loads(reply.read())
        try:
            answer, path = handler(event, None), "response"
        except Exception as error:  # As in Lambda, any exception fails the invocation.
            traceback.print_exc()
            answer, path = failure(error), "error"
        connection.request("POST", f"{base}/{request_id}/{path}", json.dumps(answer))
        connection.getresponse().read()


def failure(error: Exception) -> dict[str, Any]:
    return {"errorType": type(error).__name__, "errorMessage": str(error)}


if __name__ == "__main__":
    main(sys.argv[1])
