"""What a training step of one method costs beside that of another: time, memory, parameters.

Time is measured in turns in one process, so that whatever else the machine does hits all alike.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import time
import warnings
from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.runner import Runner

from mmnystrom.plugin import LandmarkHook
from mmnystrom.plugin.distiller import find_distiller


@dataclass
class Step:
    """A runner made ready for training steps on one batch."""

    runner: Runner
    batch: dict
    optim_wrapper: object

    def __call__(self) -> None:
        """One training step, waited for."""
        losses = self.runner.model.train_step(self.batch, self.optim_wrapper)
        for value in losses.values():
            value.item()


def make_step(runner: Runner) -> Step:
    """Of a runner with the weights of a finished run, so that what is measured is the loss at work."""
    runner.model.train()
    for hook in runner.hooks:
        if isinstance(hook, LandmarkHook):
            hook.before_run(runner)
    optim_wrapper = runner.build_optim_wrapper(runner.cfg.optim_wrapper)
    loader = dict(runner.cfg.train_dataloader, num_workers=0, persistent_workers=False)
    return Step(runner, next(iter(runner.build_dataloader(loader))), optim_wrapper)


def times(steps: dict[str, Step], unit: str, rounds: int, at_least: float = 0.1) -> dict[str, float]:
    """Seconds of a step in multiples of ``unit``'s: the median of rounds in which all take turns."""
    ratios = {name: [] for name in steps}
    for turn in range(rounds + 1):
        seconds = {}
        for name, step in steps.items():
            calls, start = 0, time.perf_counter()
            while (took := time.perf_counter() - start) < at_least or not calls:
                step()
                calls += 1
            seconds[name] = took / calls
        for name in steps if turn else ():  # the first round warms up
            ratios[name].append(seconds[name] / seconds[unit])
    return {name: statistics.median(values) for name, values in ratios.items()}


def peak_memory(step: Step) -> int:
    """Bytes in use at the worst moment of a step: what stays, and what the step allocates.

    What stays are parameters, buffers and the optimizer's state, teacher and landmarks included. On a
    GPU the step's part is the allocator's own figure; elsewhere it is added up from every allocation
    that torch's profiler sees.
    """
    step()
    model = step.runner.model
    state = [v for s in step.optim_wrapper.optimizer.state.values() for v in s.values()]
    tensors = [*model.parameters(), *model.state_dict(keep_vars=True).values(), *state]
    stays = {t.data_ptr(): t.numel() * t.element_size() for t in tensors if torch.is_tensor(t)}
    if next(model.parameters()).is_cuda:
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        step()
        return sum(stays.values()) + torch.cuda.max_memory_allocated() - before
    with warnings.catch_warnings(), _without_stderr():
        warnings.simplefilter('ignore')
        with torch.profiler.profile(
            activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
        ) as profiler:
            step()
    events = [e for e in profiler.profiler.kineto_results.events() if e.name() == '[memory]']
    events.sort(key=lambda e: e.start_ns() if hasattr(e, 'start_ns') else e.start_us())
    now = peak = 0
    for event in events:
        now += event.nbytes()
        peak = max(peak, now)
    return sum(stays.values()) + peak


@contextlib.contextmanager
def _without_stderr():
    """For the profiler's native code, which talks of GPUs that are not there."""
    kept = os.dup(2)
    with Path(os.devnull).open('w') as nowhere:
        os.dup2(nowhere.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def extra_parameters(step: Step) -> int:
    """Parameters that the distillation has beside teacher and student: those of its connectors."""
    distiller = find_distiller(step.runner.model)
    return 0 if distiller is None else sum(p.numel() for p in distiller.parameters())
