"""The tables of the schedules' store; APScheduler has one more for its jobs."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

WAITING, RUNNING, DONE = "waiting", "running", "done"
BY_TIME, BY_PERSON = "time", "trigger"
APPLICATION, VERSION = 0x67707478, 1  # sqlite's application_id and user_version
metadata = MetaData()

schedules = Table(
    "schedules",
    metadata,
    Column("name", String, primary_key=True),
    Column("definition", JSON, nullable=False),
    Column("paused", Boolean, nullable=False),
    Column("since", Float, nullable=False),
)

# An attempt to do the run of a schedule's time. Times are Unix'.
attempts = Table(
    "attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("schedule", String, nullable=False, index=True),
    Column("fire_time", Float, nullable=False),
    Column("number", Integer, nullable=False),
    Column("cause", String, nullable=False),  # the clock, or a person
    Column("resumes", Boolean, nullable=False),  # an attempt that was interrupted
    Column("state", String, nullable=False, index=True),
    Column("due", Float, nullable=False),
    Column("started", Float),
    Column("seconds", Float),
    Column("outcome", String),
    Column("reason", Text),
    Column("run_id", String),
    Column("log", String),
    Column("result", JSON),  # model_dir and metrics
    Column("texts", String),  # what the run was made from, as a fingerprint
    Column("hook", String, index=True),  # `pending`, then how it went
    UniqueConstraint("schedule", "fire_time", "number"),
)
# A time of the clock that nothing came of yet: nobody misses it if a later one takes its place.
UNSEEN = (attempts.c.cause == BY_TIME) & (attempts.c.number == 1)
