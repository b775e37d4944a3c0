"""Where ML Metadata is kept: a file of sqlite, a database of PostgreSQL or MySQL, or a service.

ML Metadata makes its tables in whatever it opens, so a store is looked at by other means first.
Passwords are no part of an address, which would show them in lists of processes: PostgreSQL takes
them from PGPASSWORD or ~/.pgpass, MySQL from MYSQL_PWD.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gptfx.data.errors import InputError
from gptfx.pipeline.sqlite_store import VERSION_TABLE, version_of_file
from gptfx.pipeline.store_remedies import remedy_for

if TYPE_CHECKING:
    from ml_metadata.proto import metadata_store_pb2 as mlmd
    from sqlalchemy.engine import Connection, Engine

POSTGRESQL, MYSQL, SERVICE = "postgresql", "mysql", "grpc"
PORTS = {POSTGRESQL: 5432, MYSQL: 3306, SERVICE: 8080}
DRIVERS = {POSTGRESQL: "psycopg", MYSQL: "pymysql"}
FORMS = "a path, postgresql://USER@HOST/DATABASE, mysql://USER@HOST/DATABASE or grpc://HOST:8080"
REMEMBERED = ".stores"  # in a root: an address a line
SECONDS = 10  # to connect; an answer of a service may take three times as long
NOT_OURS = "name the store of ML Metadata, or an empty database for a new one"


@dataclass(frozen=True)
class StoreAddress:
    """A store. `path` is of a sqlite file; else there are a scheme, a host and so on."""

    scheme: str = ""
    host: str = ""
    port: int = 0
    user: str = ""
    database: str = ""
    path: Path | None = None

    @classmethod
    def parse(cls, text: str) -> "StoreAddress":
        """The store of an address. Raises InputError, without showing a password."""
        if "://" not in text:
            return cls.of_file(Path(text))
        parts = urlsplit(text)
        if parts.password is not None:
            remedy = "leave it out: PGPASSWORD, ~/.pgpass or MYSQL_PWD say it"
            problem = "a password in an address is seen in lists of processes"
            raise InputError(problem, f"{parts.scheme}://(not shown)", remedy)
        database, text = parts.path.strip("/"), text.partition("?")[0]
        try:
            port = parts.port or PORTS[parts.scheme]
        except (KeyError, ValueError):
            raise InputError("no address of a metadata store", text, f"name {FORMS}") from None
        is_service = parts.scheme == SERVICE
        if not parts.hostname or bool(database) == is_service or parts.query or "/" in database:
            raise InputError("no address of a metadata store", text, f"name {FORMS}")
        return cls(parts.scheme, parts.hostname, port, parts.username or "", database)

    @classmethod
    def of_file(cls, path: Path) -> "StoreAddress":
        """A sqlite file's."""
        return cls(path=path.expanduser().absolute())

    def __str__(self) -> str:
        if self.path is not None:
            return str(self.path)
        user = f"{self.user}@" if self.user else ""
        database = f"/{self.database}" if self.database else ""
        return f"{self.scheme}://{user}{self.host}:{self.port}{database}"


def connection(address: StoreAddress, is_written: bool = False) -> Any:
    """ML Metadata's configuration of a store; a sqlite file is opened for reading, if not said."""
    from ml_metadata.proto import metadata_store_pb2 as mlmd

    if address.scheme == SERVICE:
        client = mlmd.MetadataStoreClientConfig(host=address.host, port=address.port)
        client.client_timeout_sec = 3 * SECONDS
        return client
    config = mlmd.ConnectionConfig()
    if address.path is not None:
        modes = mlmd.SqliteMetadataSourceConfig
        config.sqlite.filename_uri = str(address.path)
        config.sqlite.connection_mode = modes.READWRITE_OPENCREATE if is_written else modes.READONLY
    elif address.scheme == POSTGRESQL:
        _fill_postgresql(config.postgresql, address)
    else:
        _fill_mysql(config.mysql, address)
    return config


def _fill_postgresql(config: "mlmd.PostgreSQLDatabaseConfig", address: StoreAddress) -> None:
    config.host, config.port, config.user = address.host, str(address.port), address.user
    config.dbname, config.skip_db_creation = address.database, True


def _fill_mysql(config: "mlmd.MySQLDatabaseConfig", address: StoreAddress) -> None:
    config.host, config.port, config.user = address.host, address.port, address.user
    config.database, config.skip_db_creation = address.database, True
    config.password = os.environ.get("MYSQL_PWD", "")


def remember(root: Path, address: StoreAddress) -> None:
    """Notes in a root that runs are in this store, and not in the root's own file."""
    if address not in remembered(root):
        with (root / REMEMBERED).open("a", encoding="utf-8") as stream:
            stream.write(f"{address}\n")


def remembered(root: Path) -> list[StoreAddress]:
    """The stores beside its own file that runs of a root are in."""
    try:
        lines = (root / REMEMBERED).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    return [StoreAddress.parse(line) for line in lines if line]


def require_store(address: StoreAddress) -> None:
    """Raises InputError where there is no store of ML Metadata; nothing is made there."""
    if address.path is not None:
        version_of_file(address.path)
    elif address.scheme != SERVICE and not _has_tables_of_mlmd(address):
        raise InputError("the database holds no metadata", str(address), NOT_OURS)


def require_writable(address: StoreAddress) -> None:
    """Makes the tables of a new store, once, whoever comes first of several runs.

    Raises InputError where the store cannot be had, or holds what is not ML Metadata's.
    """
    if address.path is not None:
        if address.path.exists():
            version_of_file(address.path)
        return
    if address.scheme == SERVICE:
        from gptfx.pipeline.metadata import open_metadata

        open_metadata(address)
        return
    if not _has_tables_of_mlmd(address):
        _make_tables(address)


def schema_version(address: StoreAddress) -> int | None:
    """The version of ML Metadata's tables; None where there are none yet, and of a service, which
    does not say. Makes nothing. Raises InputError for what is not ML Metadata's, or not to be had.
    """
    if address.scheme == SERVICE:
        return None
    if address.path is not None:
        if not address.path.exists() or not address.path.stat().st_size:
            return None
        return version_of_file(address.path)
    if not _has_tables_of_mlmd(address):
        return None
    from sqlalchemy import text

    with _connect(_engine(address), address) as opened:
        found = opened.execute(text(f"SELECT schema_version FROM {VERSION_TABLE}"))
        return int(found.scalar_one())


def _engine(address: StoreAddress) -> "Engine":
    from sqlalchemy import URL, create_engine
    from sqlalchemy.pool import NullPool

    driver, password = DRIVERS[address.scheme], None
    if address.scheme == MYSQL:
        password = os.environ.get("MYSQL_PWD")
    url = URL.create(
        f"{address.scheme}+{driver}", address.user or None, password, address.host, address.port,
        address.database,
    )  # fmt: skip
    try:
        # Without a pool a connection that is closed is closed, and its lock goes with it.
        return create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": SECONDS})
    except ImportError:
        remedy = f"install gptfx[{address.scheme}]"
        raise InputError(f"the package {driver} is missing", str(address), remedy) from None


def _connect(engine: "Engine", address: StoreAddress) -> "Connection":
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return engine.connect()
    except SQLAlchemyError as error:
        raise cannot_be_had(str(getattr(error, "orig", error)), address) from None


def cannot_be_had(said: str, address: StoreAddress) -> InputError:
    """The error of a store of which its client said that."""
    # Of several addresses of a host, each has a line, under a headline.
    lines = [line for line in said.split("\n") if line and not line.startswith("Multiple ")]
    problem = f"the metadata store cannot be had: {(lines or ['no reason is told'])[0][:200]}"
    return InputError(problem, str(address), remedy_for(said, address))


def _has_tables_of_mlmd(address: StoreAddress) -> bool:
    """False for an empty database. Raises InputError for one that holds something else."""
    from sqlalchemy import inspect

    with _connect(_engine(address), address) as opened:
        tables = {name.lower() for name in inspect(opened).get_table_names()}
    if tables and VERSION_TABLE.lower() not in tables:
        held = ", ".join(sorted(tables)[:5])
        raise InputError("the database is somebody else's", f"{address}: {held}", NOT_OURS)
    return bool(tables)


def _make_tables(address: StoreAddress) -> None:
    from ml_metadata import errors
    from ml_metadata.metadata_store import metadata_store
    from sqlalchemy import text

    with _connect(_engine(address), address) as opened:
        if address.scheme == POSTGRESQL:  # until this connection is closed
            opened.execute(text("SELECT pg_advisory_lock(hashtext('gptfx'))"))
        try:
            metadata_store.MetadataStore(connection(address, is_written=True))
        except (errors.StatusError, RuntimeError) as error:
            raise cannot_be_had(str(error), address) from None
