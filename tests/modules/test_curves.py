"""The curves: what TensorBoard finds, the points as JSON, the picture, and units."""

import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from matplotlib.image import imread
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gptfx.modules.training.curves import PICTURE, POINTS, BytesPerToken, Curves, Point, draw

FIRST = Point(20, 2.0, 0.5, 0.01, 1000.0)
LAST = Point(40, 1.0, 0.25, 0.001, 2000.0, validation_loss=1.5)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two points and a sample, written."""
    folder = tmp_path_factory.mktemp("curves")
    curves = Curves(folder, BytesPerToken(train=2.0, validation=3.0))
    for point in (FIRST, LAST):
        curves.write(point)
    curves.write_sample(40, "KING:\n*Ay*")
    curves.finish([FIRST, LAST])
    return folder


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, list[tuple[int, Any]]]:
    """Steps and values by tag, as TensorBoard reads them."""
    events = EventAccumulator(str(folder)).Reload()
    return {
        tag: [(each.step, tf.make_ndarray(each.tensor_proto)) for each in events.Tensors(tag)]
        for tag in events.Tags()["tensors"]
    }


@pytest.mark.parametrize(
    ("tag", "values"),
    [
        ("loss/train_nats_per_token", [(20, 2.0), (40, 1.0)]),
        ("loss/train_bits_per_byte", [(20, 1.0 / math.log(2)), (40, 0.5 / math.log(2))]),
        ("loss/validation_nats_per_token", [(40, 1.5)]),
        ("loss/validation_bits_per_byte", [(40, 0.5 / math.log(2))]),
        ("gradient_norm", [(20, 0.5), (40, 0.25)]),
        ("learning_rate", [(20, 0.01), (40, 0.001)]),
        ("tokens_per_second", [(20, 1000.0), (40, 2000.0)]),
    ],
)
def test_tensorboard_finds_the_curve(
    found: dict[str, list[tuple[int, Any]]], tag: str, values: list[tuple[int, float]]
) -> None:
    assert found[tag] == [(step, pytest.approx(value)) for step, value in values]


def test_tensorboard_shows_the_sample_as_it_is(found: dict[str, list[tuple[int, Any]]]) -> None:
    ((step, text),) = found["sample"]
    assert (step, text.item().decode()) == (40, "```\nKING:\n*Ay*\n```")


def test_the_points_are_there_as_json(folder: Path) -> None:
    points = json.loads((folder / POINTS).read_text())
    assert [Point(**point) for point in points] == [FIRST, LAST]


def test_the_picture_is_a_png_of_readable_size(folder: Path) -> None:
    data = (folder / PICTURE).read_bytes()
    assert data.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", data[16:24])
    assert width > 800 < height + 400
    assert len(data) > 20_000  # something is drawn


def test_a_single_point_is_seen_in_every_plot(tmp_path: Path) -> None:
    """A line needs two."""
    draw([FIRST], None, tmp_path / PICTURE)
    picture = imread(tmp_path / PICTURE)  # (height, width, 4)
    height, width = picture.shape[:2]
    upper, lower = picture[height // 6 : height // 2], picture[height * 2 // 3 :]  # no legend
    plots = [upper, *(lower[:, width * i // 3 : width * (i + 1) // 3] for i in range(3))]
    assert all((plot[..., 2] - plot[..., 0] > 0.3).any() for plot in plots)


def test_bytes_per_token_are_those_of_the_streams() -> None:
    pieces = [b"a", b"bcd", b""]  # the last is a special token
    train, validation = tf.constant([0, 1, 1, 2]).numpy(), tf.constant([0]).numpy()
    assert BytesPerToken.of(pieces, train, validation) == BytesPerToken(7 / 4, 1.0)
    assert BytesPerToken.of(pieces, train, None) == BytesPerToken(7 / 4, 7 / 4)
