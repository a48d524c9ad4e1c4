"""Finished runs, evaluated: features of the test split, the teachers', and what a training step costs."""

from __future__ import annotations

import contextlib
import gc
import io
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from mmengine.config import Config
from mmengine.runner import Runner
from torch import Tensor

from mmnystrom.plugin.replay.key import digest

from .plan import Plan, Run
from .result import LAYERS, Result
from .timing import Step, extra_parameters, make_step, peak_memory, ratios_in_turns


def load_finished_run(
    config: Path | str, checkpoint: str, work_dir: Path, options: dict | None = None
) -> Runner:
    """A runner with the weights of a finished run. It logs nothing.

    Args:
        config: The run's config.
        checkpoint: Its checkpoint.
        work_dir: Where the runner may write.
        options: Changes of the config, as :meth:`Config.merge_from_dict` takes them. Defaults to None.
    """
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(options or {})
    cfg.merge_from_dict(
        dict(
            work_dir=str(work_dir / 'report'),
            log_level='ERROR',
            experiment_name=f'{Path(config).stem}-{time.time_ns()}',
            visualizer=dict(type='Visualizer', vis_backends=[]),
        )
    )
    if 'teacher' in cfg.model:
        cfg.model.teacher_ckpt = None  # the run's own checkpoint holds the teacher too
    runner = Runner.from_cfg(cfg)
    with contextlib.redirect_stdout(io.StringIO()):  # mmengine prints the path of every load
        runner.load_checkpoint(checkpoint, strict=True)
    return runner


def load_run(run: Run, work_dir: Path) -> Runner:
    """Load a run of a plan; see :func:`load_finished_run`."""
    options = {**run.places, **run.shared_overrides}
    return load_finished_run(run.spec.config, run.checkpoint, work_dir, options)


def classifier(network: torch.nn.Module) -> torch.nn.Linear:
    """The linear layer whose input is pre-FC and whose output is post-FC.

    Raises:
        ValueError: If the head of the network has none.
    """
    layers = [module for module in network.head.modules() if isinstance(module, torch.nn.Linear)]
    if not layers:
        raise ValueError(f'{type(network.head).__name__} has no linear layer to look at.')
    return layers[-1]


@torch.no_grad()
def features(runner: Runner, name: str = 'student') -> tuple[dict[str, Tensor], Tensor]:
    """Features of the test split, of a network of the model.

    Args:
        runner: A runner with weights.
        name: ``'student'`` (or the only network there is) or ``'teacher'``.

    Returns:
        Layer -> features (N, d), and the labels (N,).
    """
    model = runner.model
    model.eval()  # not chained: mmrazor's train() returns None
    network = getattr(model, name, model)
    found, labels = {layer: [] for layer in LAYERS}, []

    def record(module, inputs, output):
        for layer, feature in zip(LAYERS, (inputs[0], output), strict=True):
            found[layer].append(feature.flatten(1).float().cpu())

    hook = classifier(network).register_forward_hook(record)
    for batch in runner.test_dataloader:
        data = model.data_preprocessor(batch, False)
        network(data['inputs'], mode='tensor')
        labels += [sample.gt_label.cpu() for sample in data['data_samples']]
    hook.remove()
    return {layer: torch.cat(parts) for layer, parts in found.items()}, torch.cat(labels)


class Teachers:
    """The teachers that the students of a plan have learnt from: their features, and who they are.

    They are taken from the checkpoint of a distillation, which holds its teacher.

    Args:
        plan: The plan.
    """

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._found: dict[str, tuple[tuple[dict, Tensor], str] | None] = {}

    def features(self, seed: int) -> tuple[dict[str, Tensor], Tensor] | None:
        """Layer -> features (N, d), and labels (N,), of a seed's teacher.

        Returns:
            None if no distillation with this teacher is finished.
        """
        found = self._of(seed)
        return found and found[0]

    def weights(self, seed: int) -> str | None:
        """Hash of the weights of a seed's teacher, so that it is known again on another machine.

        Returns:
            None if no distillation with this teacher is finished.
        """
        found = self._of(seed)
        return found and found[1]

    def _of(self, seed: int) -> tuple[tuple[dict, Tensor], str] | None:
        name = self._teacher(seed)
        if name not in self._found:
            self._found[name] = self._load(name)
        return self._found[name]

    def _teacher(self, seed: int) -> str:
        return self._plan.teacher or str(self._plan.teacher_run(seed))

    def _load(self, name: str) -> tuple[tuple[dict, Tensor], str] | None:
        for run in self._plan:
            if run.spec.distilled and self._teacher(run.seed) == name and run.finished:
                runner = load_run(run, self._plan.work_dir)
                return features(runner, 'teacher'), digest(runner.model.teacher.state_dict())
        return None


def evaluate(plan: Plan, methods: Sequence[str]) -> tuple[dict[str, Result], Teachers]:
    """Results of the finished runs of some methods.

    Args:
        plan: The plan.
        methods: Names of the methods, in the order of the result.

    Returns:
        Name -> result, without methods of which no run is finished; and the teachers' features.

    Raises:
        ResultError: If a checkpoint has another top-1 than its run logged.
    """
    results, teachers = {}, Teachers(plan)
    for name in methods:
        result = Result()
        for run in plan.of(name):
            if not run.finished:
                continue
            taught = teachers.features(run.seed)
            found, labels = features(load_run(run, plan.work_dir))
            result.add(run, found, labels, taught and taught[0])
            gc.collect()
        if result.seeds:
            results[name] = result
    return results, teachers


def steps_of(plan: Plan, results: dict[str, Result]) -> dict[str, Step]:
    """A training step of each method, of its first finished seed."""
    runs = {name: plan.run(name, result.seeds[0]) for name, result in results.items()}
    return {name: make_step(load_run(run, plan.work_dir)) for name, run in runs.items()}


def replayed_steps(plan: Plan, results: dict[str, Result]) -> dict[str, Step]:
    """A training step, its teacher replayed, of each method that has replayed it."""
    found = {}
    for name, result in results.items():
        run = plan.run(name, result.seeds[0])
        if result.replayed is not None and result.replayed.live is None:
            found[name] = make_step(load_run(run, plan.work_dir), replay=True)
    return found


def measure_costs(plan: Plan, results: dict[str, Result], unit: str | None, rounds: int) -> None:
    """Note what a training step of each method costs, in multiples of one method's.

    Args:
        plan: The plan.
        results: Results of its methods. They get ``time``, ``memory``, ``memory_bytes`` and
            ``extra_parameters``, and ``time_replayed`` if their teachers were replayed. ``time`` is
            with the live teacher.
        unit: Name of the method whose time and memory are 1. Without it nothing is measured.
        rounds: Rounds of the timing.
    """
    if unit not in results or not rounds:
        return
    steps = steps_of(plan, results)
    replayed = {f'{name}, replayed': step for name, step in replayed_steps(plan, results).items()}
    times = ratios_in_turns({**steps, **replayed}, unit, rounds)
    memory = {name: peak_memory(step) for name, step in steps.items()}
    for name, step in steps.items():
        results[name].costs = dict(
            time=times[name],
            memory=memory[name] / memory[unit],
            memory_bytes=memory[name],
            extra_parameters=extra_parameters(step),
        )
        if f'{name}, replayed' in times:
            results[name].costs['time_replayed'] = times[f'{name}, replayed']
