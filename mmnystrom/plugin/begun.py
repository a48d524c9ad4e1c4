"""A run brought to its first iteration."""

from __future__ import annotations

import contextlib


class _BegunError(Exception):
    """Leaves Runner.train() where the iterations would begin."""


def begin(runner) -> None:
    """Do what ``runner.train()`` does before its first iteration.

    Data, optimizer and schedules are built, weights are loaded, and every hook has had its
    ``before_run`` and ``before_train``.

    Args:
        runner: The runner, new.
    """
    runner._train_loop = runner.build_train_loop(runner._train_loop)

    def stop() -> None:
        runner.call_hook('before_train')
        raise _BegunError

    runner._train_loop.run = stop
    with contextlib.suppress(_BegunError):
        runner.train()
