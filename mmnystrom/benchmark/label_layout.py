"""Names beside points, none upon another or upon a point."""

from __future__ import annotations

import itertools
import math

#: Directions in which a name may stand from its point, the preferred first, in degrees.
ANGLES = (0, 180, 60, 120, -60, -120, 90, -90, 30, -30, 150, -150)
#: Distances from its point, in units of the height of a name.
DISTANCES = (0.9, 1.8, 3.0, 4.5, 6.5)

#: How often names may move.
ROUNDS = 8

Box = tuple[float, float, float, float]


def place_labels(
    points: list[tuple[float, float]],
    sizes: list[tuple[float, float]],
    frame: Box,
    radius: float = 6.0,
) -> list[Box]:
    """Find a box for each name, greedily, the most crowded point first, and again until none moves.

    Args:
        points: Where the points are, in pixels.
        sizes: Width and height of each name, in pixels.
        frame: ``(left, bottom, right, top)`` that the names should stay within.
        radius: Of a point, in pixels. Defaults to 6.

    Returns:
        ``(left, bottom, right, top)`` of each name.

    Example:
        >>> place_labels([(50, 50), (52, 50)], [(20, 10), (20, 10)], (0, 0, 100, 100))[0]
        (61.0, 45.0, 81.0, 55.0)
    """
    dots = [(x - radius, y - radius, x + radius, y + radius) for x, y in points]
    near = 4 * max((height for _, height in sizes), default=1)
    crowd = [sum(math.dist(p, q) < near for q in points) for p in points]
    found: dict[int, Box] = {}
    for _ in range(ROUNDS):
        before = dict(found)
        for i in sorted(range(len(points)), key=lambda i: -crowd[i]):
            others = [*dots, *(box for j, box in found.items() if j != i)]
            boxes = _candidates(points[i], sizes[i], radius)
            costs = [_conflict(box, others, frame) + 0.01 * n for n, box in enumerate(boxes)]
            found[i] = boxes[costs.index(min(costs))]
        if found == before:
            break
    return [found[i] for i in range(len(points))]


def _candidates(point: tuple[float, float], size: tuple[float, float], radius: float) -> list[Box]:
    (x, y), (width, height) = point, size
    boxes = []
    for distance, angle in itertools.product(DISTANCES, ANGLES):
        dx, dy = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        reach = radius + height * (distance - 0.4)
        center = x + dx * reach + dx * width / 2, y + dy * (reach + height / 2)
        box = center[0] - width / 2, center[1] - height / 2, center[0] + width / 2, center[1] + height / 2
        boxes.append(tuple(round(value, 6) for value in box))
    return boxes


def overlap(a: Box, b: Box) -> float:
    """The area that two boxes share."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0)


def _conflict(box: Box, others: list[Box], frame: Box) -> float:
    """How much of a box is shared with others, or outside the frame; much more than any distance."""
    area = (box[2] - box[0]) * (box[3] - box[1])
    shared = sum(overlap(box, other) for other in others)
    return 100 * (shared + area - overlap(box, frame)) / area
