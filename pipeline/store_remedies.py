"""What to do about a metadata store that cannot be had, by what its client says of it.

Clients tell causes apart by words alone: libpq, which PostgreSQL's errors come through, gives no
code for a connection that fails.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gptfx.pipeline.stores import StoreAddress

NO_TLS = "ML Metadata's client of PostgreSQL has no TLS"
# The first that is found, whatever the kind of store.
REMEDIES = (
    (r"password authentication failed|no password supplied|password file",
     "give the password of {user} by PGPASSWORD or in ~/.pgpass, which only you may read"),
    (r"access denied for user .*using password",
     "give the password of {user} by MYSQL_PWD"),
    (r"access denied for user .* to database|permission denied|no schema has been selected",
     "have the database's owner let {user} make and read tables in it"),
    (r"database .* does not exist|unknown database",
     "make the database {database}, empty, or name another in the address"),
    (r"role .* does not exist",
     "name a user that there is: postgresql://USER@HOST/DATABASE"),
    (r"could not translate host name|failed to resolve host|name or service not known|getaddrinfo"
     r"|dns resolution failed|name resolution|nodename nor servname",
     "mend the host in the address: nobody knows {host}"),
    (r"connection refused|timed? ?out|timeout expired|deadline|no route|unreachable",
     "start the server, or mend host and port in the address: nothing answers at {host}:{port}"),
    (r"pg_hba\.conf",
     "allow this host, user and database in the server's pg_hba.conf, by a line that begins with"
     f" `host`: {NO_TLS}"),
    # ML Metadata's client tells no more, where another was let in a moment before.
    (r"metadata source error: *\.? *$",
     "have the server take connections without TLS (in its pg_hba.conf, by a line that begins with"
     f" `host`), and leave out PGSSLMODE: {NO_TLS}"),
    (r"sslmode|ssl was required|certificate",
     "mend or leave out what PGSSLMODE and PGSSLROOTCERT say"),
    (r"too many (clients|connections)|remaining connection slots",
     "try again when others have ended, or raise max_connections of the server"),
    (r"is starting up|is shutting down|in recovery mode",
     "try again in a moment"),
    (r"unimplemented|method not found|socket closed|trying to connect an http",
     "name a service of ML Metadata, such as grpc://metadata-grpc-service:8080 of Kubeflow"),
    (r"library version|database version|schema version",
     "use a gptfx whose ML Metadata is that of the store, or name another store"),
)  # fmt: skip
ELSE = "see what the server's log says of it"


def remedy_for(said: str, address: "StoreAddress") -> str:
    """What a person can do about what a client said of the store at an address."""
    known = (remedy for words, remedy in REMEDIES if re.search(words, said, re.IGNORECASE))
    return next(known, ELSE).format(
        user=address.user or "the user (the address names none)",
        host=address.host,
        port=address.port,
        database=address.database,
    )
