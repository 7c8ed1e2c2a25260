"""An Athena made of Trino: it speaks Athena's protocol, and runs each statement in Trino.

As in Athena, a token that was used before returns the query that it started, a statement has at most 262,144
characters, and the text of a failure begins with Trino's name of the error.
"""

import json
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import trino.dbapi
from trino.exceptions import TrinoQueryError

from programs import LOCALHOST
from tables import DATABASE

WORKGROUP = "label-lake"
MAX_CHARACTERS = 262_144
ONE_WRITER = {"task_min_writer_count": "1", "task_max_writer_count": "1"}


class Refused(Exception):
    """An error that the client gets as the name of an exception and a message."""


class Lost(Exception):
    """The reply does not arrive: the connection ends after the request was processed."""


@dataclass
class Query:
    statement: str
    state: str = "QUEUED"
    reason: str = ""
    rows: list[list[Any]] = field(default_factory=list)
    # Bytes that Trino read from files, and the time from start to end.
    scanned: int = 0
    seconds: float = 0
    thread: threading.Thread | None = None


class Athena:
    """The server. `before` and `after` are called with each operation and request, and may raise Refused or Lost.
    `begin` is called with each query before it starts in Trino, and may keep it waiting, or end it in another state."""

    def __init__(self, trino_port: int) -> None:
        self.trino_port = trino_port
        self.queries: dict[str, Query] = {}
        self.tokens: dict[str, str] = {}
        self.before: Callable[[str, dict[str, Any]], None] = ignore
        self.after: Callable[[str, dict[str, Any]], None] = ignore
        self.begin: Callable[[Query], None] = start_now
        # A page that ends with the last row has a token if this is 1. The next page is then empty.
        self.empty_pages = 0
        self.lock = threading.Lock()
        self.server = ThreadingHTTPServer((LOCALHOST, 0), handler(self))
        self.url = f"http://{LOCALHOST}:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        self.before(operation, request)
        operations = {
            "StartQueryExecution": self.start,
            "GetQueryExecution": self.describe,
            "GetQueryResults": self.results,
        }
        reply = operations[operation](request)
        self.after(operation, request)
        return reply

    def start(self, request: dict[str, Any]) -> dict[str, Any]:
        statement, token = request["QueryString"], request["ClientRequestToken"]
        if request["WorkGroup"] != WORKGROUP or request["QueryExecutionContext"] != {"Database": DATABASE}:
            raise Refused("InvalidRequestException", f"WorkGroup {request['WorkGroup']} is not found")
        if not 32 <= len(token) <= 128 or len(statement) > MAX_CHARACTERS:
            raise Refused("InvalidRequestException", f"{len(statement)} characters, token {token}")
        with self.lock:
            query_id = self.tokens.get(token)
            if query_id and self.queries[query_id].statement != statement:
                raise Refused("InvalidRequestException", "Idempotent parameters do not match")
            if not query_id:
                query_id = self.tokens[token] = str(uuid.uuid4())
                query = self.queries[query_id] = Query(statement)
                query.thread = threading.Thread(target=self.run, args=(query,))
                query.thread.start()
        return {"QueryExecutionId": query_id}

    def connect(self, catalog: str) -> trino.dbapi.Connection:
        """Connects with one writer, so the limit of partitions for a writer is that of a statement, as in Athena."""
        return trino.dbapi.connect(
            LOCALHOST, self.trino_port, user="athena", catalog=catalog, schema=DATABASE, session_properties=ONE_WRITER
        )

    def run(self, query: Query) -> None:
        self.begin(query)
        if query.state != "QUEUED":
            return
        query.state, began = "RUNNING", time.monotonic()
        try:
            for catalog, statement in in_trino(query.statement):
                cursor = self.connect(catalog).cursor()
                cursor.execute(statement)
                query.rows = cursor.fetchall()
                query.scanned += cursor.stats["physicalInputBytes"]
            query.seconds = time.monotonic() - began
            query.state = "SUCCEEDED"
        except Refused as error:
            query.reason, query.state = error.args[1], "FAILED"
        except TrinoQueryError as error:
            query.reason = f"{error.error_name}: {error.message}"
            query.state = "FAILED"

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        query = self.queries[request["QueryExecutionId"]]
        status = {"State": query.state} | ({"StateChangeReason": query.reason} if query.reason else {})
        return {"QueryExecution": {"QueryExecutionId": request["QueryExecutionId"], "Status": status}}

    def results(self, request: dict[str, Any]) -> dict[str, Any]:
        """Returns a page of the rows after a row with the names of the columns. A null has no value."""
        found = self.queries[request["QueryExecutionId"]].rows
        rows = [["a header"] * len(found[0]), *found]
        first = int(request.get("NextToken", "0"))
        until = first + request["MaxResults"]
        cells = [[{} if cell is None else {"VarCharValue": str(cell)} for cell in row] for row in rows[first:until]]
        more = {"NextToken": str(until)} if until < len(rows) + self.empty_pages else {}
        return {"ResultSet": {"Rows": [{"Data": row} for row in cells]}} | more

    def settle(self) -> None:
        """Waits until no statement runs, also of executions that have ended."""
        for query in list(self.queries.values()):
            if query.thread:
                query.thread.join()


def name_of_call(operation: str, request: dict[str, Any]) -> str:
    """Returns the same text for each attempt of a call."""
    page = request.get("NextToken", "")
    return f"{operation} {request.get('ClientRequestToken', request.get('QueryExecutionId'))} {page}"


class RefusedThenLost:
    """Refuses the first attempt of each call, and loses the reply to the second. `made` counts the attempts."""

    def __init__(self) -> None:
        self.made = Counter[str]()

    def before(self, operation: str, request: dict[str, Any]) -> None:
        call = name_of_call(operation, request)
        self.made[call] += 1
        if self.made[call] == 1:
            raise Refused("TooManyRequestsException", "Rate exceeded")

    def after(self, operation: str, request: dict[str, Any]) -> None:
        if self.made[name_of_call(operation, request)] == 2:
            raise Lost


def ignore(_operation: str, _request: dict[str, Any]) -> None:
    pass


def start_now(_query: Query) -> None:
    pass


def in_trino(statement: str) -> list[tuple[str, str]]:
    """Returns a statement of Athena in Trino's words, each with its catalog. Only DDL and maintenance differ."""
    if found := re.fullmatch(r"OPTIMIZE (\w+) REWRITE DATA USING BIN_PACK", statement):
        return [("iceberg", f"ALTER TABLE {found[1]} EXECUTE optimize")]
    if found := re.fullmatch(r"VACUUM (\w+)", statement):
        actions = ("expire_snapshots", "remove_orphan_files")
        options = "(retention_threshold => '7d')"
        return [("iceberg", f"ALTER TABLE {found[1]} EXECUTE {action}{options}") for action in actions]
    if found := re.match(CREATE, statement):
        name, columns, buckets, location = found.groups()
        for athena, own in (("<", "("), (">", ")"), (":", " "), ("string", "varchar"), ("float", "real")):
            columns = columns.replace(athena, own)
        columns = columns.replace("struct(", "row(")
        partitioning = ", partitioning = ARRAY['bucket(label, 32)']" if buckets else ""
        options = f"format = 'PARQUET', location = '{location}'{partitioning}"
        return [("iceberg", f"CREATE TABLE IF NOT EXISTS {name} ({columns}) WITH ({options})")]
    if re.match(r"(MERGE INTO all_\w+|WITH versions) ", statement):
        return [("awsdatacatalog", statement)]
    raise Refused("InvalidRequestException", f"The test does not know this statement of Athena: {statement[:80]}")


CREATE = (
    r"CREATE TABLE IF NOT EXISTS (\w+) \( (.*?) \) (PARTITIONED BY \(bucket\(32, label\)\) )?LOCATION '([^']*)' "
    r"TBLPROPERTIES \( 'table_type' = 'ICEBERG', 'format' = 'parquet', 'write_compression' = 'zstd', "
    r"'optimize_rewrite_data_file_threshold' = '1', 'optimize_rewrite_delete_file_threshold' = '1' \)$"
)


def handler(athena: Athena) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            operation = self.headers["X-Amz-Target"].removeprefix("AmazonAthena.")
            try:
                status, reply = 200, athena.answer(operation, request)
            except Refused as error:
                status, reply = 400, {"__type": error.args[0], "message": error.args[1]}
            except Lost:
                self.close_connection = True
                return
            body = json.dumps(reply).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler
