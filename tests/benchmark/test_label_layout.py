"""Names beside points: none upon another where there is room."""

import itertools

import numpy as np
import pytest

from mmnystrom.benchmark.label_layout import overlap, place_labels

FRAME = (0.0, 0.0, 600.0, 400.0)


def test_one_name_stands_to_the_right():
    (box,) = place_labels([(100, 100)], [(40, 10)], FRAME)
    assert box[0] > 106 and (box[1] + box[3]) / 2 == 100 and box[2] - box[0] == 40


def test_at_the_right_edge_it_stands_to_the_left():
    (box,) = place_labels([(590, 100)], [(40, 10)], FRAME)
    assert box[2] < 584


@pytest.mark.parametrize('seed', range(5))
def test_twenty_names_in_a_crowd_do_not_overlap(seed):
    rng = np.random.default_rng(seed)
    points = [tuple(point) for point in rng.normal((300, 200), (90, 60), (20, 2)).clip(10, 390)]
    sizes = [(float(width), 11.0) for width in rng.integers(20, 80, 20)]
    boxes = place_labels(points, sizes, FRAME)
    assert all(overlap(a, b) == 0 for a, b in itertools.combinations(boxes, 2))
    for box, (width, height) in zip(boxes, sizes, strict=True):
        assert box[2] - box[0] == pytest.approx(width) and box[3] - box[1] == pytest.approx(height)
        assert overlap(box, FRAME) == pytest.approx(width * height)


def test_points_of_one_place_still_have_names_apart():
    first, second = place_labels([(50, 50)] * 2, [(20, 10)] * 2, FRAME)
    assert overlap(first, second) == 0
