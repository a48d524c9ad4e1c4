"""Checks of arguments. Each message has the argument, the value received, and what to do."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import fields
from numbers import Integral, Real
from typing import Any


def check_integer(argument: str, value: object, minimum: int = 1, remedy: str = '') -> None:
    """Refuse a value that is not an integer of at least ``minimum``.

    Raises:
        ValueError: If it is not.

    Example:
        >>> check_integer('degree', 0)
        Traceback (most recent call last):
        ValueError: degree=0 must be an integer >= 1.
    """
    if not isinstance(value, Integral) or isinstance(value, bool) or value < minimum:
        raise ValueError(f'{argument}={value!r} must be an integer >= {minimum}{_tail(remedy)}')


def check_number(
    argument: str,
    value: object,
    low: float = 0.0,
    high: float = math.inf,
    low_included: bool = False,
    high_included: bool = False,
    remedy: str = '',
) -> None:
    """Refuse a value that is not a finite number within an interval.

    Raises:
        ValueError: If it is not.

    Example:
        >>> check_number('gamma', -1)
        Traceback (most recent call last):
        ValueError: gamma=-1 must be a finite number > 0.
        >>> check_number('momentum', 1, high=1, low_included=True)
        Traceback (most recent call last):
        ValueError: momentum=1 must be a finite number >= 0 and < 1.
    """
    fits = isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value)
    fits = fits and (value >= low if low_included else value > low)
    fits = fits and (value <= high if high_included else value < high)
    if not fits:
        bounds = f'{">=" if low_included else ">"} {low:g}'
        if math.isfinite(high):
            bounds += f' and {"<=" if high_included else "<"} {high:g}'
        raise ValueError(f'{argument}={value!r} must be a finite number {bounds}{_tail(remedy)}')


def check_flag(argument: str, value: object) -> None:
    """Refuse a value that is neither True nor False.

    Raises:
        ValueError: If it is not.
    """
    if not isinstance(value, bool):
        raise ValueError(f'{argument}={value!r} must be True or False.')


def check_choice(argument: str, value: object, choices: Iterable) -> None:
    """Refuse a value that is none of the choices.

    Raises:
        ValueError: If it is not.

    Example:
        >>> check_choice('init', 'epoch', (None, 'pass'))
        Traceback (most recent call last):
        ValueError: init='epoch' is unknown: write one of [None, 'pass'].
    """
    choices = list(choices)
    if not any(
        value is choice or (type(value) is type(choice) and value == choice) for choice in choices
    ):
        raise ValueError(f'{argument}={value!r} is unknown: write one of {choices}.')


def brief_repr(member: Any) -> str:
    """The repr of a dataclass, without the arguments that have their defaults."""
    said = [(f.name, getattr(member, f.name), f.default) for f in fields(member)]
    arguments = ', '.join(f'{name}={value!r}' for name, value, default in said if value != default)
    return f'{type(member).__name__}({arguments})'


def _tail(remedy: str) -> str:
    return f': {remedy}.' if remedy else '.'
