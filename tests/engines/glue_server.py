"""moto's Glue, which also checks the version of a table that is updated, as Glue does.

moto 5 ignores `VersionId`. Of two commits to an Iceberg table at the same moment, the second would undo the first.

Usage: as moto_server.
"""

from threading import Lock

from moto.glue.exceptions import GlueClientError
from moto.glue.responses import GlueResponse
from moto.server import main

update_table = GlueResponse.update_table
one_at_a_time = Lock()


def update_known_version(self: GlueResponse) -> object:
    """Updates a table, unless it has another version than the request names."""
    expected = self.parameters.get("VersionId")
    with one_at_a_time:
        name = self.parameters["TableInput"]["Name"]
        found = self.glue_backend.get_table(self.parameters["DatabaseName"], name).as_dict()["VersionId"]
        if expected not in (None, found):
            raise GlueClientError("ConcurrentModificationException", f"{name} has version {found}, not {expected}")
        return update_table(self)


GlueResponse.update_table = update_known_version

if __name__ == "__main__":
    main()
