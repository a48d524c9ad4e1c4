"""What KDA costs: its losses beside mmrazor's and the bare matrix products, its hook beside an epoch.

Everything is measured in turns in one process and given as ratios. The unit of the first table is
the three matrix products that a step of KDA cannot do without: features against landmarks for student
and teacher, and the gradient back to the student's features. The second table puts what happens beside
the losses (collecting features, the hook, the refresh) against the training steps of an epoch.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.runner import Runner
from mmpretrain.structures import DataSample
from mmrazor.registry import MODELS
from torch import Tensor

from mmnystrom.plugin import LandmarkHook

from .choices import KERNELS
from .loss_history import UNIT, by_shape, history_table
from .places import CONFIGS
from .provenance import provenance
from .tables import markdown_table
from .timing import ratios_in_turns

SHAPES = ((128, 512, 100), (256, 512, 100), (256, 2048, 1000))
STRATEGIES = ('class_center', 'kmeans', 'random', 'kmeans++', 'farthest', 'leverage')
CONFIG = CONFIGS / 'distill/mmpretrain/kda/kda_neck_resnet18-w32_resnet18-w16_1xb256-4e_cifar100.py'
#: An epoch of CIFAR-100. The images are random: what they show does not change what they cost.
IMAGES, BATCH = 50_000, 256

Named = Iterator[tuple[str, Callable[[], object]]]


def loss_costs(
    rounds: int = 40,
    epoch_rounds: int = 3,
    device: str = 'cpu',
    threads: int | None = None,
    out: Path | None = None,
    before: Path | None = None,
) -> str:
    """Measure both tables.

    Args:
        rounds: Rounds of the first table. Defaults to 40.
        epoch_rounds: Rounds of the second; 0: without. Defaults to 3.
        device: Where it is measured. Defaults to ``'cpu'``.
        threads: CPU threads. Defaults to None, torch's own number.
        out: A file for the figures, JSON. Defaults to None.
        before: Another checkout: the first table has its losses beside this one's, and no others.
            Defaults to None.

    Returns:
        The tables, Markdown.

    Raises:
        ValueError: If ``before`` is no checkout.
    """
    if threads:
        torch.set_num_threads(threads)
    if before is None:
        table, ratios = loss_table(SHAPES, rounds, device)
    else:
        table, ratios = history_table(before, SHAPES, rounds, device)
    text = f'\nIn multiples of three bare matrix products, on {device}:\n\n{table}\n'
    found = dict(losses=ratios)
    if epoch_rounds:
        work_dir = Path('work_dirs/benchmark_losses')
        table, found['epoch'] = epoch_table(STRATEGIES, epoch_rounds, device, work_dir)
        text += f'\nBeside the losses, in an epoch of {IMAGES} images:\n\n{table}'
    if out:
        found.update(provenance(), threads=torch.get_num_threads())
        out.write_text(json.dumps(found, indent=2) + '\n')
    return text


class LossSteps:
    """Forward and backward of every loss, for one shape.

    Args:
        n: Images in the batch.
        d: Width of the features of both networks.
        m: Landmarks, and classes.
        device: Where everything is.
    """

    def __init__(self, n: int, d: int, m: int, device: str) -> None:
        torch.manual_seed(0)
        self.n, self.d, self.m, self.device = n, d, m, device
        self.labels = torch.arange(n, device=device) % m
        shapes = dict(features=(n, d), logits=(n, m))
        if d % 16 == 0:
            shapes['maps'] = (n, d // 16, 4, 4)
        self.data = {
            key: [torch.randn(shape, device=device) for _ in range(2)] for key, shape in shapes.items()
        }
        self.landmarks = [torch.randn(m, d, device=device) / d**0.5 for _ in range(2)]
        self.fixed = dict(type='fixed', student=self.landmarks[0].cpu(), teacher=self.landmarks[1].cpu())

    def __iter__(self) -> Named:
        yield UNIT, self._bare_products
        yield "the authors' three lines", self._step(self._authors_lines)
        yield from self._given_landmarks()
        yield from self._half_precision()
        yield from self._batch_forms()
        yield from self._collecting()
        yield from self._running_centres()
        yield from self._built_in()

    def _step(self, loss: Callable, kind: str = 'features', *more) -> Callable[[], None]:
        student, teacher = self.data[kind]
        student = student.clone().requires_grad_()

        def step():
            student.grad = None
            found = loss(student, teacher, *more)
            (sum(found.values()) if isinstance(found, dict) else found).backward()

        return step

    def _kda(self, **arguments):
        return MODELS.build(dict(type='mmrazor.KDALoss', **arguments)).to(self.device).eval()

    def _bare_products(self) -> Tensor:
        student, teacher = self.data['features']
        partial = student @ self.landmarks[0].T
        teacher @ self.landmarks[1].T
        return partial @ self.landmarks[0]  # has the shape of the gradient that comes back

    def _authors_lines(self, student: Tensor, teacher: Tensor) -> Tensor:
        s_sim = student @ self.landmarks[0].T
        with torch.no_grad():
            t_sim = teacher @ self.landmarks[1].T
        return F.smooth_l1_loss(s_sim, t_sim, reduction='sum') / t_sim.norm()

    def _given_landmarks(self) -> Named:
        named = {
            f'{form}, {name}': dict(kernel=kernel, form=form)
            for form in ('partial', 'nystrom')
            for name, kernel in KERNELS.items()
        }
        for distance in ('l1', 'mse', 'kl', 'cosine'):
            named[f'partial, linear, {distance}'] = dict(distance=distance)
        scaled = dict(kernel=dict(type='linear', scale='landmarks'))
        named['partial, linear, scale of the landmarks'] = scaled
        for form in ('partial', 'nystrom'):
            centered = dict(type=form, center=True)
            named[f'landmark_cka, {form}'] = dict(preset='landmark_cka', form=centered)
        named['nystrom_correlation'] = dict(preset='nystrom_correlation')
        for name, arguments in named.items():
            yield f'KDA {name}', self._step(self._kda(landmarks=self.fixed, **arguments))

    def _half_precision(self) -> Named:
        """Features as autocast gives them. The losses cast them to float32, and the gradient back."""
        self.data['bfloat16'] = [x.bfloat16() for x in self.data['features']]
        for preset in (None, 'landmark_cka'):
            loss = self._kda(landmarks=self.fixed, preset=preset)
            yield f'KDA {preset or "partial, linear"}, bfloat16 features', self._step(loss, 'bfloat16')

    def _batch_forms(self) -> Named:
        for preset in ('sp', 'cc', 'cka', 'pkt'):
            yield f'KDA batch: {preset}', self._step(self._kda(preset=preset))

    def _training(self, **arguments):
        """A loss in training, whose strategy has landmarks and goes on collecting."""
        loss = self._kda(**arguments).train()
        loss.attach('loss', ('gt_label',))
        many = [torch.randn(2 * self.m, self.d, device=self.device) for _ in range(2)]
        loss.landmarks.observe(*many, torch.arange(2 * self.m, device=self.device) % self.m)
        loss.landmarks.commit()
        return loss

    def _collecting(self) -> Named:
        for strategy in STRATEGIES:
            loss = self._training(landmarks=dict(type=strategy, num_landmarks=self.m))
            step = self._step(loss, 'features', self.labels)
            yield f'KDA partial, linear, collecting for {strategy}', step

    def _running_centres(self) -> Named:
        spec = dict(type='class_center', num_landmarks=self.m, update='running')
        loss = self._training(preset='landmark_cka', landmarks=spec)

        def renewed(student, teacher, labels):
            found = loss(student, teacher, labels)
            loss.landmarks.commit()
            return found

        yield (
            'KDA landmark_cka, running class centres',
            self._step(renewed, 'features', self.labels),
        )

    def _built_in(self) -> Named:
        labels = (self.labels,)
        rows = [
            ('logits', 'KLDivergence', (), dict(tau=4.0)),
            ('logits', 'KDSoftCELoss', (), {}),
            ('logits', 'DKDLoss', labels, {}),
            ('logits', 'DISTLoss', (), {}),
            ('logits', 'WSLD', labels, dict(num_classes=self.m)),
            ('features', 'L1Loss', (), {}),
            ('features', 'L2Loss', (), {}),
            ('features', 'DistanceWiseRKD', (), {}),
        ]
        if self.n * self.n * self.d <= 128 * 128 * 512:
            # Its N x N x d tensor is gigabytes beyond that.
            rows.append(('features', 'AngleWiseRKD', (), {}))
        if 'maps' in self.data:
            rows.append(('maps', 'ATLoss', (), dict(loss_weight=1.0)))
            rows += [('maps', name, (), {}) for name in ('PKDLoss', 'ChannelWiseDivergence')]
        for kind, name, more, arguments in rows:
            loss = MODELS.build(dict(type=f'mmrazor.{name}', **arguments)).to(self.device)
            yield f'mmrazor {name}', self._step(loss, kind, *more)


def loss_table(shapes: Sequence[tuple[int, int, int]], rounds: int, device: str) -> tuple[str, dict]:
    """Every loss in every shape, in multiples of the bare products.

    Args:
        shapes: Triples (N, d, m).
        rounds: Rounds of the timing.
        device: Where it is measured.

    Returns:
        The table, and loss -> shape -> ratio.
    """
    ratios: dict[str, dict[str, float]] = {}
    for shape in shapes:
        steps = dict(LossSteps(*shape, device))
        found = ratios_in_turns(steps, UNIT, rounds, at_least=5e-3, warmup=2, uncounted=1)
        for name, value in found.items():
            ratios.setdefault(name, {})['x'.join(map(str, shape))] = value
    return by_shape(ratios, shapes, '{:.2f}'.format), ratios


def epoch_table(strategies: Sequence[str], rounds: int, device: str, work_dir: Path) -> tuple[str, dict]:
    """What goes on beside the losses in an epoch, in percent of its training steps.

    Args:
        strategies: Names of landmark strategies.
        rounds: Rounds of the timing.
        device: Where it is measured.
        work_dir: Where the runner may write.

    Returns:
        The table, and the shares and the bytes of state of each strategy.
    """
    shares, state = {}, {}
    for strategy in strategies:
        steps, state[strategy] = _epoch_steps(strategy, device, work_dir)
        found = ratios_in_turns(steps, 'step', rounds, at_least=5e-3, warmup=2, uncounted=1)
        refresh = max(found['refresh'] - found['loading'], 0) / (IMAGES // BATCH)
        shares[strategy] = dict(
            collecting=100 * found['collecting'], hook=100 * (found['hook'] + refresh)
        )
    lines = [['strategy', 'collecting (% of the steps)', 'LandmarkHook (%)', 'state (MiB)']]
    for strategy, row in shares.items():
        figures = [f'{row["collecting"]:.3f}', f'{row["hook"]:.3f}', f'{state[strategy] / 2**20:.2f}']
        lines.append([strategy, *figures])
    return markdown_table(lines), dict(shares=shares, state_bytes=state)


def _epoch_steps(strategy: str, device: str, work_dir: Path) -> tuple[dict[str, Callable], int]:
    """What happens in an epoch, each as a step to time; and the bytes of the loss's state at its end."""
    runner = _runner(strategy, work_dir)
    model = runner.model.to(device)
    model.train()
    hook = next(hook for hook in runner.hooks if isinstance(hook, LandmarkHook))
    hook.before_run(runner)
    loss = hook.losses[0]
    optimizer = runner.build_optim_wrapper(runner.cfg.optim_wrapper)
    samples = [DataSample().set_gt_label(i % 100) for i in range(BATCH)]
    images = list(torch.randint(0, 256, (BATCH, 3, 32, 32), dtype=torch.uint8))
    data = dict(inputs=images, data_samples=samples)
    s, t = torch.randn(BATCH, 128, device=device), torch.randn(BATCH, 256, device=device)
    labels = torch.arange(BATCH, device=device) % 100
    for _ in range(IMAGES // BATCH):  # a full epoch's pool
        loss.landmarks.observe(s + torch.randn_like(s), t + torch.randn_like(t), labels)
    full = loss.state_dict()

    def refresh():
        loss.load_state_dict(full)
        hook._refresh([loss])

    steps = dict(
        step=lambda: model.train_step(data, optimizer),
        collecting=lambda: loss.landmarks.observe(s, t, labels),
        hook=loss.report,
        refresh=refresh,
        loading=lambda: loss.load_state_dict(full),
    )
    return steps, sum(value.numel() * value.element_size() for value in full.values())


def _runner(strategy: str, work_dir: Path) -> Runner:
    cfg = Config.fromfile(CONFIG)
    cfg.model.distiller.distill_losses.loss_kda.landmarks.type = strategy
    cfg.model.teacher_ckpt = None
    cfg.merge_from_dict(
        dict(work_dir=str(work_dir), log_level='ERROR', experiment_name=f'costs-{time.time_ns()}')
    )
    for split in ('val', 'test'):
        for part in ('dataloader', 'cfg', 'evaluator'):
            cfg[f'{split}_{part}'] = None
    cfg.custom_hooks = [dict(type='LandmarkHook', warmup_epochs=0)]
    return Runner.from_cfg(cfg)
