"""Tensors that ride in the checkpoint and are yet no buffers."""

from __future__ import annotations

from collections.abc import Callable

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
        """Take over what :meth:`saved_state` gave; ``prefix`` is for messages."""
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

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        names = (*self._DEVICE_STATE, *self._HOST_STATE)
        mine = {name: state_dict[prefix + name] for name in names if prefix + name in state_dict}
        if mine:
            self.restore(mine, prefix)
        theirs = {key: value for key, value in state_dict.items() if not key.startswith(prefix)}
        super()._load_from_state_dict(theirs, prefix, *args)
