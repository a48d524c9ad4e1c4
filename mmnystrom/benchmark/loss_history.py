"""What the losses cost before and after a change: two checkouts in one run."""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import ModuleType

import torch

import mmnystrom.core

from .choices import KERNELS
from .tables import markdown_table
from .timing import ratios_in_turns

UNIT = 'three matrix products'
STRATEGIES = ('class_center', 'kmeans', 'random')


def core_of(checkout: Path) -> ModuleType:
    """The method of another checkout, beside this one's.

    Args:
        checkout: A folder with mmnystrom/core.

    Raises:
        ValueError: If it is none.
    """
    folder = checkout / 'mmnystrom/core'
    if not (folder / '__init__.py').is_file():
        raise ValueError(f'{checkout} is no checkout of mmnystrom: it has no mmnystrom/core.')
    name = 'mmnystrom_core_before'
    spec = importlib.util.spec_from_file_location(name, folder / '__init__.py')
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def history_table(
    checkout: Path, shapes: Sequence[tuple[int, int, int]], rounds: int, device: str
) -> tuple[str, dict]:
    """Forward and backward of every loss in both checkouts, in multiples of the bare products.

    Args:
        checkout: The other one.
        shapes: Triples (N, d, m).
        rounds: Rounds of the timing.
        device: Where it is measured.

    Returns:
        The table, and loss -> shape -> (before, after).
    """
    cores = dict(before=core_of(checkout), after=mmnystrom.core)
    ratios: dict[str, dict[str, list[float]]] = {}
    for shape in shapes:
        steps = dict(_steps(cores, *shape, device))
        found = ratios_in_turns(steps, UNIT, rounds, at_least=5e-3, warmup=2, uncounted=1)
        for name in [key for key in steps if key[0] == 'after']:
            pair = [found['before', name[1]], found[name]]
            ratios.setdefault(name[1], {})['x'.join(map(str, shape))] = pair
    return by_shape(ratios, shapes, lambda pair: f'{pair[0]:.2f} -> {pair[1]:.2f}'), ratios


def by_shape(
    ratios: dict[str, dict], shapes: Sequence[tuple[int, int, int]], cell: Callable[..., str]
) -> str:
    """The table of what was found of each loss in each shape.

    Args:
        ratios: Loss -> shape, as ``'16x32x5'`` -> what was found. A shape may be missing.
        shapes: Triples (N, d, m).
        cell: Text of what was found.
    """
    columns = ['x'.join(map(str, shape)) for shape in shapes]
    lines = [['forward + backward', *(f'(N, d, m) = ({", ".join(map(str, s))})' for s in shapes)]]
    for name, row in ratios.items():
        lines.append([name, *(cell(row[c]) if c in row else '-' for c in columns)])
    return markdown_table(lines)


def _steps(cores: dict[str, ModuleType], n: int, d: int, m: int, device: str) -> Iterator[tuple]:
    torch.manual_seed(0)
    student, teacher = (torch.randn(n, d, device=device) for _ in range(2))
    rows = [torch.randn(m, d, device=device) / d**0.5 for _ in range(2)]
    many = [torch.randn(2 * m, d, device=device) for _ in range(2)]

    def bare() -> None:
        partial = student @ rows[0].T
        teacher @ rows[1].T
        partial @ rows[0]  # has the shape of the gradient that comes back

    yield UNIT, bare
    given = dict(type='fixed', student=rows[0].cpu(), teacher=rows[1].cpu())
    for when, core in cores.items():
        for form in ('partial', 'nystrom'):
            for name, kernel in KERNELS.items():
                loss = core.KernelTransferLoss(given, kernel, form).to(device)
                yield (when, f'{form}, {name}'), _step(loss, student, teacher)
        loss = core.KernelTransferLoss(given, preset='landmark_cka').to(device)
        yield (when, 'landmark_cka'), _step(loss, student, teacher)
        for strategy in STRATEGIES:
            loss = core.KernelTransferLoss(dict(type=strategy, num_landmarks=m)).to(device)
            loss.observe(*many, torch.arange(2 * m, device=device) % m)
            loss.refresh()
            labels = torch.arange(n, device=device) % m
            yield (
                (when, f'partial, linear, collecting for {strategy}'),
                _step(loss, student, teacher, labels),
            )


def _step(loss, student, teacher, labels=None) -> Callable[[], None]:
    student = student.clone().requires_grad_()
    core = sys.modules[type(loss).__module__.rpartition('.')[0]]
    shares = 'finite' in inspect.signature(loss.observe).parameters  # as KDALoss does

    def step() -> None:
        student.grad = None
        more = (core.finite_samples(student, teacher),) if shares else ()
        if labels is not None:
            loss.observe(student.detach(), teacher, labels, *more)
        loss(student, teacher, *more).backward()

    return step
