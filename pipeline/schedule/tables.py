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

# An attempt to do the run of a schedule's time: `waiting`, `running` or `done`. Times are Unix'.
attempts = Table(
    "attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("schedule", String, nullable=False, index=True),
    Column("fire_time", Float, nullable=False),
    Column("number", Integer, nullable=False),
    Column("cause", String, nullable=False),  # `time`, or `trigger` by a person
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
    Column("texts", String),  # what the corpora held, as a fingerprint
    Column("hook", String, index=True),  # `pending`, then how it went
    UniqueConstraint("schedule", "fire_time", "number"),
)
