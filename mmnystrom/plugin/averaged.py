"""Landmarks beside a moving average of the weights."""

from __future__ import annotations

from collections.abc import Iterable

from mmengine.hooks import EMAHook

from .lookup import kda_losses, unwrap
from .losses import KDALoss


def keep_landmarks(runner, losses: Iterable[KDALoss], checkpoint: dict) -> None:
    """Let a checkpoint hold the landmarks of the run, also where EMAHook swaps the averaged model in.

    The copy that EMAHook averages in never collects. The hook swaps what its state has in common with
    the model's, which is the number of refreshes: 0. It may do so before this function is called, or
    after it.

    Args:
        runner: The runner.
        losses: Its losses.
        checkpoint: What is about to be saved; it is changed.
    """
    copies = [hook.ema_model.module for hook in runner.hooks if _averages(hook)]
    if not copies:
        return
    own = {loss.name: loss for loss in losses if loss.landmarks is not None}
    for copy in copies:
        for name, (averaged, _) in kda_losses(copy).items():
            if name in own:
                averaged.landmarks.restore(own[name].landmarks.saved_state(), name)
    state = unwrap(runner.model).state_dict()
    true = {key: value for key, value in state.items() if '.landmarks.' in key}
    for held in (checkpoint['state_dict'], checkpoint.get('ema_state_dict', {})):
        for key in held:
            if key.removeprefix('module.') in true:
                held[key] = true[key.removeprefix('module.')]


def _averages(hook) -> bool:
    return isinstance(hook, EMAHook) and hasattr(hook, 'ema_model')
