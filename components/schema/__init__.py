"""The curated schema of raw examples."""

from pathlib import Path

FILE = str(Path(__file__).parent / "schema.pbtxt")
