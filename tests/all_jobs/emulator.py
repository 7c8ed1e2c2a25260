"""Runs ministack, whose Step Functions call the Athena at ATHENA_URL instead of its own."""

import asyncio
import json
import os
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

from ministack import app
from ministack.services import stepfunctions

SECONDS = 60


async def athena(_method: str, _path: str, headers: dict[str, str], body: str, _query: dict[str, Any]) -> Any:
    return await asyncio.to_thread(call, headers["x-amz-target"], body)


def call(target: str, body: str) -> tuple[int, dict[str, str], bytes]:
    request = urllib.request.Request(os.environ["ATHENA_URL"], body.encode(), {"X-Amz-Target": target})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as reply:
            return reply.status, {}, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, {}, error.read()
    except (OSError, HTTPException) as error:
        # Step Functions calls it that if there is no reply.
        return 500, {}, json.dumps({"__type": "SdkClientException", "message": repr(error)}).encode()


app.SERVICE_HANDLERS["athena"] = athena
# Step Functions calls errors what the SDK for Java calls them.
stepfunctions._AWS_SDK_ERROR_CODE_OVERRIDES["sfn"] = {"ExecutionAlreadyExists": "ExecutionAlreadyExistsException"}
app.main()
