"""Costs measured side by side: ratios of times taken in turns, memory, extra parameters.

Times are taken in turns in one process. Whatever else the machine does then slows all alike.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.runner import Runner

from mmnystrom.plugin import LandmarkHook, TeacherReplayHook
from mmnystrom.plugin.lookup import find_distiller


def ratios_in_turns(
    steps: Mapping[str, Callable[[], object]],
    unit: str,
    rounds: int,
    at_least: float = 0.1,
    warmup: int = 1,
    uncounted: int = 0,
) -> dict[str, float]:
    """Times of steps in multiples of one of them: the median of rounds in which all take turns.

    Args:
        steps: Name -> a step to call.
        unit: Name of the step whose time is 1.
        rounds: Rounds that count.
        at_least: Seconds for which a step is repeated in its turn. Defaults to 0.1.
        warmup: Rounds before those that count. Defaults to 1.
        uncounted: Calls at the beginning of each turn that do not count. Small steps need one, as the
            caches hold what the step before them has used. Defaults to 0.

    Returns:
        Name -> time of the step, in multiples of the unit's.
    """
    ratios: dict[str, list[float]] = {name: [] for name in steps}
    for turn in range(warmup + rounds):
        seconds = {name: seconds_of(step, at_least, uncounted) for name, step in steps.items()}
        if turn >= warmup:
            for name, value in seconds.items():
                ratios[name].append(value / seconds[unit])
    return {name: statistics.median(values) for name, values in ratios.items()}


def seconds_of(step: Callable[[], object], at_least: float, uncounted: int = 0) -> float:
    """Seconds of one call, the mean of as many calls as take ``at_least`` seconds together."""
    for _ in range(uncounted):
        step()
    _wait_for_device()
    calls, start = 0, time.perf_counter()
    while True:
        step()
        calls += 1
        _wait_for_device()
        took = time.perf_counter() - start
        if took > at_least:
            return took / calls


def _wait_for_device() -> None:
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()


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


def make_step(runner: Runner, replay: bool = False) -> Step:
    """A training step of a finished run, so that what is measured is the loss at work.

    Args:
        runner: A runner with the weights of the run, see :func:`~.evaluate.load_finished_run`.
        replay: Whether its TeacherReplayHook replays the teacher. Defaults to False.
    """
    runner.model.train()
    for hook in runner.hooks:
        if isinstance(hook, LandmarkHook):
            hook.before_run(runner)
    optim_wrapper = runner.build_optim_wrapper(runner.cfg.optim_wrapper)
    loader = dict(runner.cfg.train_dataloader, num_workers=0, persistent_workers=False)
    if not replay:
        return Step(runner, next(iter(runner.build_dataloader(loader))), optim_wrapper)
    runner.cfg.train_dataloader = loader
    runner._train_loop = runner.build_train_loop({**runner.cfg.train_cfg})
    runner.optim_wrapper = optim_wrapper
    for hook in runner.hooks:
        if isinstance(hook, TeacherReplayHook):
            hook.before_train(runner)
    step = Step(runner, next(iter(runner.train_dataloader)), optim_wrapper)
    step()  # stores what is not stored
    return step


def peak_memory(step: Step) -> int:
    """Bytes in use at the worst moment of a step: what stays, and what the step allocates.

    What stays are parameters, buffers and the optimizer's state, teacher and landmarks included. On a
    GPU the step's part is the allocator's own figure. Elsewhere it is added up from every allocation
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
    return sum(stays.values()) + _profiled_peak(step)


def _profiled_peak(step: Callable[[], object]) -> int:
    activities = [torch.profiler.ProfilerActivity.CPU]
    with warnings.catch_warnings(), _without_stderr():
        warnings.simplefilter('ignore')
        with torch.profiler.profile(activities=activities, profile_memory=True) as profiler:
            step()
    events = [e for e in profiler.profiler.kineto_results.events() if e.name() == '[memory]']
    events.sort(key=lambda e: e.start_ns() if hasattr(e, 'start_ns') else e.start_us())
    now = peak = 0
    for event in events:
        now += event.nbytes()
        peak = max(peak, now)
    return peak


@contextlib.contextmanager
def _without_stderr():
    """Silence the profiler's native code, which talks of GPUs that are not there."""
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


@contextlib.contextmanager
def one_thread():
    """Let torch compute on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
