"""Tensors in ``state_dict()`` that are not buffers."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from torch import Tensor, nn


class TensorState(nn.Module):
    """A module whose state is in ``state_dict()`` but not in ``buffers()``.

    What broadcasts or averages buffers (``broadcast_buffers=True``, SyncBuffersHook, EMAHook) would
    destroy what the ranks have each collected. Tensors named in ``_DEVICE_STATE`` follow the module
    to another device but not to another dtype, those in ``_HOST_STATE`` stay on the CPU; either may be
    None, and is not saved then.
    """

    _DEVICE_STATE: tuple[str, ...] = ()
    _HOST_STATE: tuple[str, ...] = ()
    #: Shapes of the tensors. A dimension with a name has the same size wherever it stands.
    _LAYOUT: ClassVar[dict[str, tuple]] = {}

    def __init__(self) -> None:
        super().__init__()
        for name in (*self._DEVICE_STATE, *self._HOST_STATE):
            setattr(self, name, None)

    def saved_state(self) -> dict[str, Tensor]:
        """Copies of the tensors that go into a checkpoint."""
        names = (*self._DEVICE_STATE, *self._HOST_STATE)
        found = {name: getattr(self, name) for name in names}
        return {name: tensor.clone() for name, tensor in found.items() if tensor is not None}

    def restore(self, state: dict[str, Tensor], prefix: str) -> None:
        """Take over what :meth:`saved_state` gave, its layout checked; ``prefix`` is for messages."""
        device = self._device()
        for name in (*self._DEVICE_STATE, *self._HOST_STATE):
            tensor = state.get(name)
            if tensor is not None:
                target = 'cpu' if name in self._HOST_STATE else device
                tensor = tensor.clone() if target is None else tensor.clone().to(target)
            setattr(self, name, tensor)

    def _device(self):
        for name in self._DEVICE_STATE:
            if getattr(self, name) is not None:
                return getattr(self, name).device
        return None

    def _move(self, fn: Callable[[Tensor], Tensor]) -> None:
        for name in self._DEVICE_STATE:
            tensor = getattr(self, name)
            if tensor is not None:
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
        known = {name: x for name, x in mine.items() if name in self._LAYOUT}
        if known:
            check_layout(known, self._LAYOUT, prefix)
            self.restore(known, prefix)
        unexpected_keys.extend(prefix + name for name in mine if name not in known)
        theirs = {key: value for key, value in state_dict.items() if not key.startswith(prefix)}
        super()._load_from_state_dict(
            theirs, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )


def check_complete(state: dict[str, Tensor], names: tuple[str, ...], prefix: str) -> None:
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


def check_finite(module: TensorState, names: tuple[str, ...], prefix: str) -> None:
    """Refuse tensors that hold NaN or infinity, of a module that has taken over a checkpoint.

    Raises:
        ValueError: If one does.
    """
    for name in names:
        tensor = getattr(module, name)
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
        layout: Name -> sizes; a size that is a name is the same wherever it stands.
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
