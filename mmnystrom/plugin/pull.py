"""A watch over how hard a loss pulls on the student, beside its task."""

from __future__ import annotations

import math
from contextlib import ExitStack

import torch
from mmengine.dist import all_reduce
from torch import Tensor

from mmnystrom.core import widen
from mmnystrom.core.distances import Correlation
from mmnystrom.core.forms import Nystrom

from .compiling import run_eagerly
from .log_names import log_labels
from .lookup import find_distiller
from .losses import KDALoss
from .once import Once

#: A loss pulls too hard if its gradient is so many times that of the task, in the mean of IN_A_ROW
#: epochs.
#: The first number is for losses that also pull on the length of features, the second for the others,
#: the third for correlations of Nystrom rows: they gain as much at 44 as at less, and from 120 on less.
#: Measured by tools/analysis/can_it_hurt.py.
TOO_HARD = 2
TOO_HARD_WITHOUT_SCALE = 20
TOO_HARD_CORRELATED = 100
IN_A_ROW = 2
#: Points of top-1 that the student may lose after the loss has begun, in so many validations in a row.
POINTS = 5
#: Lengths of features that differ by more than this factor are said to differ much.
APART = 2
#: What to write in the place of a loss with a scale, as the configs have it.
WITHOUT_SCALE = (
    "preset='nystrom_correlation', loss_weight=10, or on logits preset='landmark_cka', loss_weight=3, "
    'which have no scale'
)


class PullMeter:
    """Measures, in one iteration, the gradients of losses on the features that the student recorded.

    The gradient of a KDALoss is taken through the loss and its connectors alone, that of everything
    comes with the backward pass of the training step: no network is gone through twice. What is not of
    a KDALoss is the task's (and that of other distillation losses).

    Args:
        model: The model of the runner.
        losses: Name -> (loss, its entry of ``loss_forward_mappings``).
    """

    def __init__(self, model, losses: dict[str, tuple[KDALoss, dict]]) -> None:
        self._distiller = find_distiller(model)
        self._losses = {name: (loss, mapping) for name, (loss, mapping) in losses.items() if mapping}
        self._scale = 1.0
        self._features: dict[str, Tensor] = {}
        self._totals: dict[str, Tensor] = {}
        self._pulls: list[tuple] = []  # loss, its gradients by feature, its factor

    def arm(self, loss_scale: float = 1.0) -> None:
        """Measure the next iteration.

        Args:
            loss_scale: The factor of mixed precision: half-precision gradients vanish without it.
        """
        self._scale = loss_scale
        self._features, self._totals, self._pulls = {}, {}, []
        for loss, _ in self._losses.values():
            loss.step.probe = self._probe

    def read(self) -> dict[str, float]:
        """Ratios of the gradients' norms, loss to task, by the loss's name; over all ranks."""
        for loss, _ in self._losses.values():
            loss.step.probe = None
        found = {}
        for name in sorted(self._losses):
            own, task = self._squares(name)
            if math.isfinite(own) and math.isfinite(task) and own > 0 and task > 0:
                found[name] = math.sqrt(own / task)
        self._features, self._totals, self._pulls = {}, {}, []
        return found

    def _probe(self, loss: KDALoss, value: Tensor) -> None:
        if not value.requires_grad:
            return
        if not self._features:
            for name, (_, mapping) in self._losses.items():
                feature = self._recorded(mapping)
                if feature is not None and feature.requires_grad:
                    self._features[name] = feature
                    feature.register_hook(self._keep(self._totals, name))
        if not self._features:
            return
        start = torch.full_like(value, self._scale)
        features = list(self._features.values())
        gradients = torch.autograd.grad(value, features, start, retain_graph=True, allow_unused=True)
        factor: dict[str, Tensor] = {}
        value.register_hook(self._keep(factor, 'factor'))
        self._pulls.append((loss, dict(zip(self._features, gradients, strict=True)), factor))

    def _recorded(self, mapping: dict) -> Tensor | None:
        """What the student recorded for a loss, before any connector."""
        place = mapping['s_feature'].items()
        found = self._distiller.get_record(**{k: v for k, v in place if not k.startswith('connector')})
        if isinstance(found, (list, tuple)):
            found = found[-1]
        return found if isinstance(found, Tensor) else None

    @staticmethod
    def _keep(where: dict[str, Tensor], name: str):
        def keep(gradient: Tensor) -> None:
            where[name] = gradient.detach()

        return keep

    def _squares(self, name: str) -> tuple[float, float]:
        """Squared norms of the loss's gradient and of the task's, summed over the ranks."""
        rest = self._totals.get(name)
        own = None
        if rest is not None:
            rest = widen(rest)
            for loss, gradients, factor in self._pulls:
                if gradients[name] is None or 'factor' not in factor:
                    continue
                share = gradients[name].to(rest) * (factor['factor'] / self._scale)
                rest = rest - share
                if loss is self._losses[name][0]:
                    own = share
        value = self._losses[name][0].last_value
        squares = torch.zeros(2, device='cpu' if value is None else value.device)
        if own is not None:
            squares[0], squares[1] = own.square().sum(), rest.square().sum()
        all_reduce(squares)
        return tuple(squares.tolist())


class PullWatch:
    """Says once an epoch how hard the losses pull, and warns of one that pulls too hard.

    The figure is logged as ``kernel/<loss>/gradient_ratio``, and kept as ``gradient_ratio`` of the loss.

    Args:
        model: The model of the runner.
        losses: Name -> (loss, its entry of ``loss_forward_mappings``).
    """

    def __init__(self, model, losses: dict[str, tuple[KDALoss, dict]]) -> None:
        self._losses = {name: loss for name, (loss, _) in losses.items()}
        self._labels = log_labels(self._losses)
        self._meter = PullMeter(model, losses) if find_distiller(model) is not None else None
        self._epoch: int | None = None
        self._armed = False
        self._eagerly = ExitStack()
        #: The last ratios of each loss, as they would be at its whole weight.
        self._ratios: dict[str, list[float]] = {name: [] for name in self._losses}
        self._below = 0
        self._looked: set[str] = set()
        self._once = Once()

    def before_iteration(self, runner, epoch: int) -> None:
        """Measure the first iteration of an epoch in which a loss acts."""
        acts = any(loss.acts for loss in self._losses.values())
        if self._meter is None or not acts or epoch == self._epoch:
            return
        self._eagerly.enter_context(run_eagerly(runner.model))
        self._epoch, self._armed = epoch, True
        scaler = getattr(runner.optim_wrapper, 'loss_scaler', None)
        self._meter.arm(scaler.get_scale() if scaler is not None else 1.0)

    def after_iteration(self, runner) -> None:
        """Log what was measured, and warn."""
        if not self._armed:
            return
        self._armed = False
        self._eagerly.close()
        for name, ratio in self._meter.read().items():
            loss = self._losses[name]
            loss.gradient_ratio = ratio
            runner.message_hub.update_scalar(f'train/kernel/{self._labels[name]}/gradient_ratio', ratio)
            self._ratios[name] = [*self._ratios[name], ratio / loss.step.ramp][-IN_A_ROW:]
            message = too_hard(name, loss, self._ratios[name])
            if message:
                self._once.warn(message, kind=name)

    def after_validation(self, runner, metrics: dict | None) -> None:
        """Warn if the student has lost accuracy since a loss began."""
        found = (metrics or {}).get('accuracy/top1')
        if found is None:
            return
        hub = runner.message_hub
        best = hub.runtime_info.get('kda_accuracy_before')
        began = [name for name, loss in self._losses.items() if loss.last_value is not None]
        if not began:
            hub.update_info('kda_accuracy_before', max(found, best or 0.0))
        elif best is not None:
            self._below = self._below + 1 if found < best - POINTS else 0
            if self._below >= IN_A_ROW:
                last = {name: self._ratios[name][-1] for name in began if self._ratios[name]}
                worst = max(began, key=lambda name: last.get(name, 0.0))
                self._once.warn(
                    f"the student's top-1 was {best:.1f} before {', '.join(began)} began and is "
                    f'{found:.1f} now: set {remedy(self._losses[worst], last.get(worst))} for {worst}.',
                    kind='accuracy',
                )

    def landmarks_made(self, loss: KDALoss) -> None:
        """Warn of features whose lengths differ much; of the first landmarks that a loss acts on."""
        if loss.name not in self._looked:
            self._looked.add(loss.name)
            message = lengths_apart(loss.name, loss)
            if message:
                self._once.warn(message)


def remedy(loss: KDALoss, ratio: float | None) -> str:
    """What to write in the config: a weight with which the loss would pull as hard as the task."""
    lines = []
    if ratio is not None and ratio > 1 and loss.loss_weight:
        lines.append(f'loss_weight={float(f"{loss.loss_weight / ratio:.0e}"):g}')
    if not loss.scale_free:
        lines.append(WITHOUT_SCALE)
    return ', or '.join(lines) or 'a smaller loss_weight'


def too_hard(name: str, loss: KDALoss, ratios: list[float]) -> str | None:
    """The warning of a loss that pulls too hard, by its ratios in the last epochs; or None."""
    ratio = sum(ratios) / len(ratios)
    if len(ratios) < IN_A_ROW or ratio <= _limit(loss):
        return None
    times = f'{ratio:.0f}' if ratio >= 10 else f'{ratio:.1f}'
    return (
        f"{name} pulls {times} times as hard on the student's features as its task: set "
        f'{remedy(loss, ratio)}.'
    )


def _limit(loss: KDALoss) -> float:
    if isinstance(loss.form, Nystrom) and isinstance(loss.distance, Correlation):
        return TOO_HARD_CORRELATED
    return TOO_HARD_WITHOUT_SCALE if loss.scale_free else TOO_HARD


def lengths_apart(name: str, loss: KDALoss) -> str | None:
    """A warning if the landmarks of student and teacher have lengths that differ much, and it matters.

    Rows of classifiers are no features, and are not looked at.
    """
    if loss.landmarks is None or not loss.ready or loss.scale_free or loss.landmarks.needs == 'weights':
        return None
    student, teacher = (rows.square().sum(1).mean().sqrt().item() for rows in loss.landmarks.active())
    if not (student > 0 and teacher > 0) or 1 / APART <= student / teacher <= APART:
        return None
    return (
        f"{name}: the student's features are {student / teacher:.2g} times as long as the teacher's, "
        f'{student:.3g} and {teacher:.3g}, and this loss makes them as long before anything else: '
        f"write {WITHOUT_SCALE}; or kernel=dict(type='linear', scale='landmarks'), or watch its "
        'gradient_ratio in the log.'
    )
