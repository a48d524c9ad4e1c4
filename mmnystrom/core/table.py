"""Tables of members that a spec names: kernels, forms, distances, landmark strategies."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Generic, TypeVar

Member = TypeVar('Member')


class Table(dict[str, Callable[..., Member]], Generic[Member]):
    """Name -> what builds the member.

    Args:
        argument: What a spec of these members is called, for messages.
        members: Name -> class or function.
        given: Arguments that the caller of :meth:`build` gives, and a spec does not.

    Example:
        >>> from fractions import Fraction
        >>> table = Table('number', dict(fraction=Fraction))
        >>> table.build(dict(type='fraction', numerator=2))
        Fraction(2, 1)
        >>> table.build('integer')
        Traceback (most recent call last):
        ValueError: number='integer' is unknown: write one of ['fraction'].
    """

    def __init__(
        self, argument: str, members: Mapping[str, Callable[..., Member]], given: tuple[str, ...] = ()
    ) -> None:
        super().__init__(members)
        self.argument = argument
        self.given = given

    def build(self, spec: str | Mapping, **given) -> Member:
        """Build a member.

        Args:
            spec: Its name, or ``dict(type=<name>, ...)`` with its arguments.
            given: Arguments beside those of the spec.

        Raises:
            TypeError: If the spec is neither, or an argument is missing or unknown to the member.
            ValueError: If there is no such member, or it refuses an argument.
        """
        if not isinstance(spec, (str, Mapping)):
            raise TypeError(
                f'{self.argument}={spec!r} must be a name or a dict(type=<name>, ...); names: '
                f'{sorted(self)}.'
            )
        arguments = {} if isinstance(spec, str) else dict(spec)
        name = spec if isinstance(spec, str) else arguments.pop('type', None)
        if not isinstance(name, str) or name not in self:
            raise ValueError(f'{self.argument}={spec!r} is unknown: write one of {sorted(self)}.')
        member = self[name]
        signature = self._signature(member)
        try:
            signature.bind(**arguments)
        except TypeError as error:
            shown = [str(p.replace(annotation=p.empty)) for p in signature.parameters.values()]
            raise TypeError(
                f'{self.argument}={spec!r}: {error}. It takes {name}({", ".join(shown)}).'
            ) from None
        try:
            return member(**arguments, **given)
        except ValueError as error:
            raise ValueError(f'{self.argument}: {error}') from error

    def _signature(self, member: Callable) -> inspect.Signature:
        found = inspect.signature(member)
        kept = [p for name, p in found.parameters.items() if name not in self.given]
        return found.replace(parameters=kept)
