"""Break: torch >= 2.6 loads with ``weights_only=True``, which refuses every mmengine checkpoint.

Where: ``mmengine/runner/checkpoint.py:347``. The checkpoints hold the message hub's HistoryBuffers
and numpy scalars beside the tensors, so ``--resume`` and every teacher checkpoint fail.
Cure: exactly what mmengine writes is allowed, for mmengine's loader and for a user's own
``torch.load(path)``: histories, numpy's numbers, the dicts of a data set's metainfo, and what a one-cycle
schedule anneals by. The pickle of a HistoryBuffer and of a one-cycle schedule calls ``builtins.getattr``.
The real one would hand a malicious file code execution, so a stand-in of that name gives out four methods
of the one and two of the other and nothing else. Checkpoints from the web, which mmengine loads with
``weights_only=False``, pass through the same door. OneDL's mmengine loads narrowly and then, if that
fails, once more with ``weights_only=False``, which runs the code of any file: its second try is taken
away.
Can go: once mmengine names its safe globals itself.
"""

from __future__ import annotations

import functools
import io
import os
import pickle
import re
import warnings

import numpy as np
import torch

NAME = 'checkpoints under weights_only=True'

_HISTORY_METHODS = ('min', 'max', 'current', 'mean')
_ONE_CYCLE = 'mmengine.optim.scheduler.param_scheduler.OneCycleParamScheduler'
_ONE_CYCLE_METHODS = ('_annealing_cos', '_annealing_linear')
#: How torch names what it refused.
_WANTED = (
    r'GLOBAL (.+?) (?:was not|whose module)',
    r'Unsupported class (\S+)',
    r'function (\S+)',
    r"but got <class '(\S+?)'>",
)


class UntrustedCheckpointError(RuntimeError):
    """A checkpoint wants more than tensors and what mmengine itself writes."""


class _OneCycle:
    """Stands for the schedule in a checkpoint, which names it and never makes one."""

    def __new__(cls, *args, **kwargs):
        raise pickle.UnpicklingError(f'Unsupported class {_ONE_CYCLE}')


class _Probe:
    """Stands for any class that nobody has allowed."""


def is_broken() -> bool:
    """Whether torch refuses a class that it does not know, as mmengine's HistoryBuffer is one."""
    file = io.BytesIO()
    torch.save(_Probe(), file)
    file.seek(0)
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # torch 2.4 and 2.5 announce the change
        try:
            torch.load(file)
        except pickle.UnpicklingError:
            return True
    return False


def apply() -> None:
    """Allow what mmengine writes, and name what else a checkpoint wants."""
    from mmengine.runner import checkpoint as host

    torch.serialization.add_safe_globals(safe_globals())
    load = host.CheckpointLoader.load_checkpoint.__func__

    @functools.wraps(load)
    def load_checkpoint(cls, filename, map_location=None, logger='current'):
        try:
            return load(cls, filename, map_location, logger)
        except pickle.UnpicklingError as error:
            wanted = _wanted(error)
            if wanted is None:  # a broken file, say
                raise
            raise _refusal(filename, wanted) from error

    host.CheckpointLoader.load_checkpoint = classmethod(load_checkpoint)
    host.load_url = functools.partial(_load_url, host.load_url)
    if hasattr(host, '_safe_torch_load'):  # OneDL's
        host._safe_torch_load = _load_narrowly


def safe_globals() -> list:
    """What a checkpoint of mmengine's may name, as ``torch.serialization.add_safe_globals`` takes it."""
    from mmengine.config import ConfigDict
    from mmengine.logging import HistoryBuffer

    dtypes = {type(np.dtype(code)) for code in '?bhilqBHILQefd'}
    # numpy 1 and 2 each write their own of these names, and either may read the other's file.
    multiarray = (getattr(np, '_core', None) or np.core).multiarray
    functions = [
        (getattr(multiarray, name), f'{package}.multiarray.{name}')
        for package in ('numpy.core', 'numpy._core')
        for name in ('_reconstruct', 'scalar')
    ]
    return [
        ConfigDict,  # a dict of a data set's metainfo
        HistoryBuffer,
        np.ndarray,
        np.dtype,
        *sorted(dtypes, key=lambda dtype: dtype.__name__),
        *functions,
        (_OneCycle, _ONE_CYCLE),
        (_getattr, 'builtins.getattr'),
    ]


def _getattr(owner, name, *default):
    from mmengine.logging import HistoryBuffer
    from mmengine.optim.scheduler.param_scheduler import OneCycleParamScheduler

    if owner is HistoryBuffer and name in _HISTORY_METHODS and not default:
        return getattr(HistoryBuffer, name)
    if owner is _OneCycle and name in _ONE_CYCLE_METHODS and not default:
        return getattr(OneCycleParamScheduler, name)
    raise pickle.UnpicklingError(
        f'Unsupported global: GLOBAL builtins.getattr({owner!r}, {name!r}) was not an allowed global'
    )


def _load_narrowly(file, map_location=None, weights_only=None):
    # Torch's own default, which TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD can change.
    return torch.load(file, map_location=map_location)


def _load_url(load_url, *args, **kwargs):
    # torch's own switch for files one trusts must keep its meaning for files from the web too.
    trusted = os.environ.get('TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD', '').lower()
    if trusted not in ('1', 'y', 'yes', 'true'):
        kwargs.setdefault('weights_only', True)
    return load_url(*args, **kwargs)


def _wanted(error: Exception) -> str | None:
    matches = (re.search(pattern, str(error)) for pattern in _WANTED)
    return next((match.group(1) for match in matches if match), None)


def _refusal(filename: str, wanted: str) -> UntrustedCheckpointError:
    return UntrustedCheckpointError(
        f'{filename} was not loaded: it wants {wanted}, which is neither a tensor nor anything mmengine '
        'writes. A checkpoint can run any code it names. If you trust where it comes from, either allow '
        'that one name, in a module listed in custom_imports: torch.serialization.add_safe_globals('
        '[...]); or trust everything in the file, for one run: set the environment variable '
        'TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD=1.'
    )
