"""One way to read every store, and no way to write or to make one."""

import inspect
import os
import signal
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gptfx.data.errors import InputError
from gptfx.pipeline.metadata import Metadata, open_metadata
from gptfx.pipeline.run_record import RunRecord
from gptfx.pipeline.stores import StoreAddress, connection, require_writable

NOTES = {"pipeline": "gptfx-smoke", "preset": "smoke", "config": {"a": {"b": 1}}}


def write_two_runs(book: Any) -> None:
    """One that made a model, and one that took it from the cache."""
    first = book.run("2026-01-01T00:00:00")
    made = book.node(first, "trainer", outputs={"model": ("Model", "/m/1", {"seconds": 2.5})})
    judged = {"blessing": ("ModelBlessing", "/b/1", {"blessed": 1})}
    book.node(first, "evaluator", {"model": made["model"]}, judged, bound=3.5)
    second = book.run("2026-01-02T00:00:00")
    cached = book.store.get_executions()[0].CACHED
    book.node(second, "trainer", cached=made, state=cached)


def require_two_runs(metadata: Metadata) -> None:
    """What was written comes back."""
    assert [run.id for run in metadata.runs()] == ["2026-01-02T00:00:00", "2026-01-01T00:00:00"]
    assert {run.pipeline for run in metadata.runs("gptfx-smoke")} == {"gptfx-smoke"}
    assert list(metadata.runs("another")) == []
    second, first = metadata.with_all_nodes(list(metadata.runs()))
    assert [(node.id, node.state) for node in first.nodes] == [
        ("trainer", "complete"), ("evaluator", "complete"),
    ]  # fmt: skip
    assert [(node.id, node.is_cached) for node in second.nodes] == [("trainer", True)]
    trainer, evaluator = first.nodes
    model = trainer.outputs["model"]
    assert (model.type, model.uri, model.state) == ("Model", "/m/1", "live")
    assert model.properties["seconds"] == 2.5
    assert evaluator.inputs == {"model": model}
    assert second.nodes[0].outputs == {"model": model}
    (makers,) = metadata.makers([model.id]).values()
    assert [metadata.run_of(node) for node in makers] == [first.id, second.id]
    (takers,) = metadata.takers([model.id]).values()
    assert [node.id for node in takers] == ["evaluator"]
    assert [each.type for each in metadata.artifacts()] == ["ModelBlessing", "Model"]
    assert metadata.artifacts("Model") == [model]
    assert metadata.artifact(model.id) == model
    assert metadata.artifact(99) is None
    assert metadata.run("no such run") is None


def test_a_file_in_both_shapes(book: Any, tmp_path: Path) -> None:
    for name, is_cluster in (("local", False), ("cluster", True)):
        address = StoreAddress.of_file(tmp_path / name)
        write_two_runs(book(address, is_cluster))
        require_two_runs(open_metadata(address))


@pytest.mark.parametrize("is_cluster", [False, True])
def test_a_service_in_both_shapes(
    book: Any, serve: Any, tmp_path: Path, is_cluster: bool, gptfx: Any
) -> None:
    address = StoreAddress.of_file(tmp_path / "store")
    write_two_runs(book(address, is_cluster))
    asked = f"grpc://127.0.0.1:{serve(address)}"
    require_two_runs(open_metadata(StoreAddress.parse(asked)))
    said = gptfx("runs", "list", "--store", asked, "--json")
    assert [run["nodes"] for run in said.json] == [
        {"executed": 0, "cached": 1, "failed": 0}, {"executed": 2, "cached": 0, "failed": 0},
    ]  # fmt: skip


def test_parameters_of_a_cluster_are_those_of_the_task(book: Any, tmp_path: Path) -> None:
    address = StoreAddress.of_file(tmp_path / "store")
    on_cluster = book(address, is_cluster=True)
    on_cluster.node(on_cluster.run("a"), "evaluator", bound=3.5)
    run = open_metadata(address).run("a")
    assert run is not None
    assert run.nodes[0].parameters["inputs"] == {"bound": 3.5}


def test_postgresql(book: Any, postgresql: Any) -> None:
    address = StoreAddress.parse(postgresql("shapes"))
    write_two_runs(book(address))
    require_two_runs(open_metadata(address))


def test_runs_begin_and_end_at_once_in_one_new_database(postgresql: Any) -> None:
    address = StoreAddress.parse(postgresql("shared"))

    def one(number: int) -> str:
        require_writable(address)
        record = RunRecord(address, {**NOTES, "number": number})
        record.end("complete", blessed=True)
        return record.run_id

    with ThreadPoolExecutor(6) as pool:
        ids = list(pool.map(one, range(12)))
    found = list(open_metadata(address).runs())
    assert sorted(ids) == sorted({run.id for run in found})
    assert {run.noted["number"] for run in found} == set(range(12))
    assert {run.noted["state"] for run in found} == {"complete"}


def test_nothing_of_the_view_writes() -> None:
    public = {name for name, _ in inspect.getmembers(Metadata) if not name.startswith("_")}
    assert public == {
        "artifact", "artifacts", "last_output", "last_run", "makers", "nodes", "nodes_of_type",
        "run", "run_of", "run_without_nodes", "runs", "takers", "with_all_nodes", "with_nodes",
    }  # fmt: skip
    source = inspect.getsource(inspect.getmodule(Metadata))
    assert ".put_" not in source


def test_a_file_is_opened_for_reading(book: Any, tmp_path: Path) -> None:
    address = StoreAddress.of_file(tmp_path / "store")
    write_two_runs(book(address))
    before = (tmp_path / "store").read_bytes()
    (tmp_path / "store").chmod(0o444)
    require_two_runs(open_metadata(address))
    assert (tmp_path / "store").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_missing_file_is_refused_and_not_made(tmp_path: Path, gptfx: Any) -> None:
    for command in (("runs", "list"), ("runs", "show"), ("artifacts", "list"), ("lineage",)):
        said = gptfx(*command, "--root", str(tmp_path / "root"))
        assert said.code == 2
        assert said.err.startswith("gptfx: there is no metadata store. Received: '/")
        assert "run `gptfx run` first, or name the --root" in said.err
    assert list(tmp_path.iterdir()) == []


HALF_WRITTEN = """
import os, signal, sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("PRAGMA cache_size = 1")  # so that what is written goes to the file at once
database.execute("BEGIN IMMEDIATE")
database.execute("UPDATE MLMDEnv SET schema_version = 99")
database.execute("CREATE TABLE Half (content BLOB)")
for _ in range(50):
    database.execute("INSERT INTO Half VALUES (zeroblob(5000))")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def half_written(book: Any, tmp_path: Path) -> Path:
    """A store in which a process was killed while it wrote."""
    store = tmp_path / "metadata.sqlite"
    book(StoreAddress.of_file(store)).run("2026-03-01T03:00:00.000001", state="complete")
    done = subprocess.run([sys.executable, "-c", HALF_WRITTEN, str(store)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert store.with_name("metadata.sqlite-journal").stat().st_size > 1000
    return store


@pytest.mark.parametrize("words", [("runs", "list"), ("runs", "show"), ("gc", "--keep", "1")])
def test_what_a_killed_process_half_wrote_is_taken_back_by_whoever_comes_next(
    gptfx: Any, half_written: Path, words: tuple[str, ...]
) -> None:
    said = gptfx(*words, "--root", str(half_written.parent))
    assert said.code == 0, said.err
    assert not half_written.with_name("metadata.sqlite-journal").exists()
    with closing(sqlite3.connect(half_written)) as database:
        tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
        assert "Half" not in tables
        assert database.execute("SELECT schema_version FROM MLMDEnv").fetchone()[0] < 99


def test_a_store_that_is_being_written_is_not_taken_back(gptfx: Any, half_written: Path) -> None:
    with closing(sqlite3.connect(half_written, isolation_level=None)) as database:
        database.execute("BEGIN EXCLUSIVE")  # which takes back the old, and makes a journal
        database.execute("DELETE FROM Context")
        said = gptfx("runs", "list", "--root", str(half_written.parent))
        database.execute("ROLLBACK")
    assert said.code == 2
    assert "the metadata store is being written" in said.err
    assert len(said.err.splitlines()) == 1
    assert gptfx("runs", "list", "--root", str(half_written.parent)).code == 0


def test_foreign_and_damaged_files_are_refused(tmp_path: Path) -> None:
    text, foreign, empty = (tmp_path / name for name in ("text", "foreign", "empty"))
    text.write_text("To be, or not to be.")
    with sqlite3.connect(foreign) as database:
        database.execute("CREATE TABLE addresses (name)")
    database.close()
    empty.touch()
    for path in (text, foreign, empty):
        before = path.read_bytes()
        with pytest.raises(InputError, match="this is no metadata store: "):
            open_metadata(StoreAddress.of_file(path))
        assert path.read_bytes() == before


def test_a_database_that_is_empty_or_foreign_is_refused_and_stays(postgresql: Any) -> None:
    empty = StoreAddress.parse(postgresql("empty"))
    with pytest.raises(InputError, match="the database holds no metadata"):
        open_metadata(empty)
    with pytest.raises(InputError, match="the database holds no metadata"):  # still
        open_metadata(empty)
    foreign = postgresql("foreign")
    run_sql(foreign, "CREATE TABLE addresses (name text)")
    for use in (open_metadata, require_writable):
        with pytest.raises(InputError, match=r"somebody else's\. Received: .*/foreign: addresses'"):
            use(StoreAddress.parse(foreign))
    require_writable(empty)  # which makes the tables, as a run does
    assert list(open_metadata(empty).runs()) == []


def run_sql(address: str, statement: str) -> None:
    import psycopg

    with psycopg.connect(address) as database:
        database.execute(statement)


def test_what_cannot_be_reached_is_said_in_a_line(
    postgresql: Any, gptfx: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = postgresql("there")
    absent = there.replace("/there", "/absent")
    nobody, port = there.replace("gptfx@", "nobody@"), there.split("/")[2].partition(":")[2]
    nowhere = "nothing answers at 127.0.0.1:9."
    for store, why, remedy in (
        (absent, 'database "absent" does not exist', "make the database absent, empty"),
        (nobody, "password authentication failed", "give the password of nobody by PGPASSWORD or"),
        ("postgresql://a@127.0.0.1:9/x", "Connection refused", nowhere),
        ("postgresql://a@no.invalid:9/x", "no.invalid", "the address: nobody knows no.invalid."),
        ("grpc://127.0.0.1:9", "Failed to connect", nowhere),
        ("grpc://no.invalid:9", "DNS resolution failed", "nobody knows no.invalid."),
        (f"grpc://127.0.0.1:{port}", "Socket closed", "name a service of ML Metadata, such as"),
        ("mysql://root@127.0.0.1:9/x", "Can't connect to MySQL server", nowhere),
    ):
        said = gptfx("runs", "list", "--store", store)
        assert said.code == 2
        assert len(said.err.splitlines()) == 1, said.err
        assert why in said.err
        assert f"Received: '{store}'. What to do: " in said.err
        assert remedy in said.err
    said = gptfx("runs", "list", "--store", there, PGPASSWORD="wrong")
    assert said.code == 2
    assert "password authentication failed" in said.err
    assert "What to do: give the password of gptfx by PGPASSWORD or in ~/.pgpass" in said.err
    assert "wrong" not in said.err
    said = gptfx("runs", "list", "--store", there, PGSSLMODE="require")
    assert said.code == 2
    assert "What to do: mend or leave out what PGSSLMODE and PGSSLROOTCERT say." in said.err


def test_a_user_without_the_right_to_make_tables_is_told_so(postgresql: Any, gptfx: Any) -> None:
    store = postgresql("locked")
    run_sql(store, "CREATE ROLE weak LOGIN PASSWORD 'w'; REVOKE ALL ON SCHEMA public FROM public")
    weak = store.replace("gptfx@", "weak@")
    told = ("--preset", "smoke", "--set", f"metadata.store={weak}")
    said = gptfx("run", *told, PGPASSWORD="w")
    assert said.code == 2
    assert "have the database's owner let weak make and read tables in it" in said.err


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("postgresql://u:hidden@h/d", "a password in an address is seen in lists of processes"),
        ("postgresql://h/d?password=hidden", "no address of a metadata store"),
        ("postgresql://h", "no address of a metadata store"),
        ("postgresql://h:port/d", "no address of a metadata store"),
        ("grpc://h/d", "no address of a metadata store"),
        ("ftp://h/d", "no address of a metadata store"),
    ],
)
def test_addresses_that_are_none_are_refused_and_show_no_password(text: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as refused:
        StoreAddress.parse(text)
    assert "hidden" not in str(refused.value)


def test_addresses_are_ml_metadatas_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MYSQL_PWD", "out of the environment")
    mysql = connection(StoreAddress.parse("mysql://ann@db:33/runs")).mysql
    assert (mysql.host, mysql.port, mysql.user, mysql.database) == ("db", 33, "ann", "runs")
    assert mysql.password == "out of the environment"
    assert mysql.skip_db_creation
    postgres = connection(StoreAddress.parse("postgresql://ann@db/runs")).postgresql
    assert (postgres.host, postgres.port, postgres.password) == ("db", "5432", "")
    service = connection(StoreAddress.parse("grpc://metadata-grpc-service"))
    assert (service.host, service.port) == ("metadata-grpc-service", 8080)
    assert str(StoreAddress.parse("postgresql://ann@db/runs")) == "postgresql://ann@db:5432/runs"


def test_the_configuration_takes_a_store_and_refuses_what_is_none(gptfx: Any) -> None:
    said = gptfx("run", "--preset", "smoke", "--set", "metadata.store=postgresql://a:b@c/d")
    assert said.code == 2
    assert "a password in an address" in said.err
    assert "a:b" not in said.err
    said = gptfx("run", "--preset", "smoke", "--set", "metadata.store=grpc://127.0.0.1:9")
    assert said.code == 2
    assert "the metadata store cannot be had" in said.err


def test_run_ids_are_times_and_never_the_same(tmp_path: Path) -> None:
    address = StoreAddress.of_file(tmp_path / "store")
    ids = [RunRecord(address, NOTES).run_id for _ in range(3)]
    assert len(set(ids)) == 3
    assert ids == sorted(ids)
    assert ids[0].startswith(time.strftime("%Y-%m-%dT"))
    (newest, *_) = open_metadata(address).runs()
    assert newest.noted["config"] == '{"a": {"b": 1}}'
    assert newest.started == pytest.approx(time.time(), abs=60)


def test_the_pipeline_id_and_pid_are_noted(tmp_path: Path) -> None:
    from gptfx.pipeline.run_record import of_this_process

    noted = of_this_process(tmp_path)
    assert noted["pid"] == os.getpid()
    assert noted["root"] == str(tmp_path)
    assert noted["user"]
