"""Checks of arguments that every table shares: the argument, the value received, what to do."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping
from dataclasses import fields
from numbers import Integral, Real
from typing import Any


def check_integer(argument: str, value: object, minimum: int = 1, remedy: str = '') -> None:
    """Refuse what is not an integer of at least ``minimum``.

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
    """Refuse what is not a number within an interval; infinity and NaN never are.

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
    """Refuse what is neither True nor False.

    Raises:
        ValueError: If it is not.
    """
    if not isinstance(value, bool):
        raise ValueError(f'{argument}={value!r} must be True or False.')


def check_choice(argument: str, value: object, choices: Iterable) -> None:
    """Refuse what is none of the choices.

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


def build_from_table(table: Mapping[str, Any], argument: str, spec: str | dict) -> Any:
    """Build a member of a table from ``'name'`` or ``dict(type='name', ...)``.

    Raises:
        TypeError: If the spec is neither, or an argument is missing or unknown to the member.
        ValueError: If there is no such member, or it refuses an argument.
    """
    if not isinstance(spec, (str, Mapping)):
        raise TypeError(
            f'{argument}={spec!r} must be a name or a dict(type=<name>, ...); names: {sorted(table)}.'
        )
    arguments = {} if isinstance(spec, str) else dict(spec)
    name = spec if isinstance(spec, str) else arguments.pop('type', None)
    if not isinstance(name, str) or name not in table:
        raise ValueError(f'{argument}={spec!r} is unknown: write one of {sorted(table)}.')
    member = table[name]
    try:
        inspect.signature(member).bind(**arguments)
    except TypeError as error:
        raise TypeError(f'{argument}={spec!r}: {error}. It takes {name}{_signature(member)}.') from None
    try:
        return member(**arguments)
    except ValueError as error:
        raise ValueError(f'{argument}: {error}') from error


def brief_repr(member: Any) -> str:
    """The repr of a dataclass, without the arguments that have their defaults."""
    said = [(f.name, getattr(member, f.name), f.default) for f in fields(member)]
    arguments = ', '.join(f'{name}={value!r}' for name, value, default in said if value != default)
    return f'{type(member).__name__}({arguments})'


def _signature(member) -> str:
    parameters = inspect.signature(member).parameters.values()
    return f'({", ".join(str(p.replace(annotation=p.empty)) for p in parameters)})'


def _tail(remedy: str) -> str:
    return f': {remedy}.' if remedy else '.'
