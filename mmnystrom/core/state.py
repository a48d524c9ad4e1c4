"""Tensors in ``state_dict()`` that are not buffers, declared as those of a metric of torchmetrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn


@dataclass(frozen=True)
class Entry:
    """A tensor of a :class:`State`.

    Args:
        shape: Its sizes. A size that is a name is the same wherever the name stands.
        reduce: How the tensors of several collectors become one: ``'sum'``, or None if a strategy of
            its own does it, or all have the same.
        on_host: Whether it stays on the CPU.
        saved: Whether it is in ``state_dict()``.
    """

    shape: tuple[int | str, ...]
    reduce: str | None = None
    on_host: bool = False
    saved: bool = True


class State(nn.Module):
    """A module whose state is in ``state_dict()`` but not in ``buffers()``.

    What broadcasts or averages buffers (``broadcast_buffers=True``, SyncBuffersHook, EMAHook) would
    destroy what the ranks have each collected. A tensor follows the module to another device, but not
    to another dtype. It is None until something is assigned to it, and is not saved then.
    """

    #: Name of a tensor in an earlier version -> its name today, or None if it is no longer needed.
    RENAMED: ClassVar[dict[str, str | None]] = {}

    def __init__(self) -> None:
        super().__init__()
        self._entries: dict[str, Entry] = {}

    def add_state(self, name: str, shape: tuple[int | str, ...], **more) -> None:
        """Declare a tensor, which is None at first. For the other arguments see :class:`Entry`."""
        self._entries[name] = Entry(shape, **more)
        setattr(self, name, None)

    def tensors(self, select: Callable[[Entry], bool] = lambda entry: True) -> dict[str, Tensor]:
        """Name -> tensor, of the tensors that are not None and whose entry is selected."""
        found = {name: getattr(self, name) for name, entry in self._entries.items() if select(entry)}
        return {name: tensor for name, tensor in found.items() if tensor is not None}

    def reduce_sums(self, all_reduce: Callable[[Tensor], None]) -> None:
        """Add up the tensors with ``reduce='sum'`` over all collectors, in place."""
        for tensor in self.tensors(lambda entry: entry.reduce == 'sum').values():
            all_reduce(tensor)

    def reset_sums(self) -> None:
        """Set the tensors with ``reduce='sum'`` to zero, in place."""
        for tensor in self.tensors(lambda entry: entry.reduce == 'sum').values():
            tensor.zero_()

    def saved_state(self) -> dict[str, Tensor]:
        """Copies of the tensors that go into a checkpoint."""
        return {name: tensor.clone() for name, tensor in self.tensors(lambda e: e.saved).items()}

    def layout(self) -> dict[str, tuple[int | str, ...]]:
        """Name -> sizes, of everything that :meth:`saved_state` may give."""
        return {name: entry.shape for name, entry in self._entries.items() if entry.saved}

    def check_state(self, state: dict[str, Tensor], prefix: str) -> None:
        """Refuse a state of a checkpoint. The base class refuses none. See :meth:`restore`.

        Raises:
            ValueError: If it does not fit.
        """

    def restore(self, state: dict[str, Tensor], prefix: str) -> None:
        """Take over what :meth:`saved_state` gave.

        Args:
            state: Name -> tensor, its layout checked. What is not in it becomes None.
            prefix: What the names begin with in the checkpoint, for messages.

        Raises:
            ValueError: If :meth:`check_state` refuses it.
        """
        self.check_state(state, prefix)
        device = self._device()
        for name, entry in self._entries.items():
            tensor = state.get(name) if entry.saved else None
            if tensor is not None:
                target = 'cpu' if entry.on_host else device
                tensor = tensor.clone() if target is None else tensor.clone().to(target)
            setattr(self, name, tensor)

    def _device(self):
        tensors = list(self.tensors(lambda entry: not entry.on_host).values())
        return tensors[0].device if tensors else None

    def _move(self, fn: Callable[[Tensor], Tensor]) -> None:
        for name, tensor in self.tensors(lambda entry: not entry.on_host).items():
            setattr(self, name, fn(tensor))

    def _apply(self, fn, *args, **kwargs):
        self._move(lambda tensor: tensor.to(fn(tensor).device))
        return super()._apply(fn, *args, **kwargs)

    def _save_to_state_dict(self, destination, prefix, keep_vars) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        for name, tensor in self.saved_state().items():
            destination[prefix + name] = tensor

    def _load_from_state_dict(
        self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
    ) -> None:
        mine = {key[len(prefix) :]: x for key, x in state_dict.items() if key.startswith(prefix)}
        mine = {self.RENAMED.get(name, name): x for name, x in mine.items()}
        mine.pop(None, None)
        layout = self.layout()
        known = {name: x for name, x in mine.items() if name in layout}
        if known:
            check_layout(known, layout, prefix)
            self.restore(known, prefix)
        else:
            missing_keys.extend(prefix + name for name in self.saved_state())
        unexpected_keys.extend(prefix + name for name in mine if name not in known)
        theirs = {key: value for key, value in state_dict.items() if not key.startswith(prefix)}
        super()._load_from_state_dict(
            theirs, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )


def check_complete(state: dict[str, Tensor], names: Iterable[str], prefix: str) -> None:
    """Refuse a checkpoint without some of these entries.

    Raises:
        ValueError: If one is missing.
    """
    missing = [name for name in names if name not in state]
    if missing:
        raise ValueError(
            f'the checkpoint holds {prefix}* without {", ".join(missing)}: take another checkpoint of '
            'this run, or start without it.'
        )


def check_finite(state: dict[str, Tensor], names: Iterable[str], prefix: str) -> None:
    """Refuse tensors of a checkpoint that hold NaN or infinity.

    Raises:
        ValueError: If one does.
    """
    for name in names:
        tensor = state.get(name)
        bad = 0 if tensor is None else int((~tensor.isfinite()).sum())
        if bad:
            raise ValueError(
                f'the checkpoint holds {bad} numbers in {prefix}{name} that are NaN or infinite: the run '
                'had diverged. Resume from an earlier checkpoint, with a lower learning rate or '
                'loss_weight, or start without it.'
            )


def check_layout(state: dict[str, Tensor], layout: dict[str, tuple], prefix: str) -> None:
    """Refuse entries of a checkpoint that do not have the shapes of a layout.

    Args:
        state: Name -> tensor.
        layout: Name -> sizes. A size that is a name is the same wherever it stands.
        prefix: What the names begin with in the checkpoint, for messages.

    Raises:
        ValueError: If one is no tensor or has another shape.
    """
    sizes: dict[str, int] = {}
    for name, tensor in state.items():
        if not isinstance(tensor, Tensor):
            raise ValueError(
                f'the checkpoint holds {prefix}{name} of type {type(tensor).__name__}, where a tensor '
                f'belongs: {_ANOTHER}.'
            )
        wanted = tuple(sizes.get(size, size) for size in layout[name])
        fits = len(wanted) == tensor.ndim
        fits = fits and all(
            isinstance(size, str) or size == found
            for size, found in zip(wanted, tensor.shape, strict=True)
        )
        if not fits:
            raise ValueError(
                f'the checkpoint holds {prefix}{name} of shape {tuple(tensor.shape)}, where '
                f'({", ".join(map(str, wanted))}) belongs: {_ANOTHER}.'
            )
        sizes.update(zip(layout[name], tensor.shape, strict=True))


_ANOTHER = 'the file was changed, or written by something else; take another checkpoint of this run'
