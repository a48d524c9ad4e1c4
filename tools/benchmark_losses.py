"""What KDA costs: its losses beside mmrazor's and the bare matrix products, its hook beside an epoch.

Everything is measured in turns in one process and printed as ratios. The unit of the first table is
the three matrix products that a step of KDA cannot do without: features against landmarks for student
and teacher, and the gradient back to the student's features. The second table puts what happens beside
the losses (collecting features, the hook, the refresh) against the training steps of an epoch.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F
from runs import CONFIGS, markdown_table

import mmnystrom  # noqa: F401  (mmrazor can be imported only after it)

SHAPES = ((128, 512, 100), (256, 512, 100), (256, 2048, 1000))
KERNELS = {
    'linear': 'linear',
    'cosine': 'cosine',
    'polynomial': 'polynomial',
    'rbf': dict(type='rbf', gamma='median'),
    'laplacian': dict(type='laplacian', gamma='median'),
}
STRATEGIES = ('class_center', 'kmeans', 'random', 'kmeans++', 'farthest', 'leverage')
PAIR = 'distill/mmpretrain/kda/kda_neck_resnet18-w32_resnet18-w16_1xb256-4e_cifar100.py'
#: An epoch of CIFAR-100; the images are random, what they show does not change what they cost.
IMAGES, BATCH = 50_000, 256


def rounds_of(steps: dict[str, Callable], rounds: int, device: str, unit: str) -> dict[str, float]:
    """Median over rounds of a step's time by that of ``unit`` in the same round."""
    ratios = {name: [] for name in steps}
    for turn in range(rounds + 2):
        seconds = {name: _time(step, device) for name, step in steps.items()}
        for name, value in seconds.items() if turn > 1 else ():  # two rounds warm up
            ratios[name].append(value / seconds[unit])
    return {name: statistics.median(values) for name, values in ratios.items()}


def _time(step: Callable, device: str, at_least: float = 5e-3) -> float:
    """Seconds of one call, of as many as take ``at_least`` together, after one that is not counted."""
    calls = 0
    step()
    _synchronize(device)
    start = time.perf_counter()
    while True:
        step()
        calls += 1
        _synchronize(device)
        took = time.perf_counter() - start
        if took > at_least:
            return took / calls


def _synchronize(device: str) -> None:
    if device.startswith('cuda'):
        torch.cuda.synchronize()


def loss_steps(n: int, d: int, m: int, device: str) -> Iterator[tuple[str, Callable]]:
    """Name and forward + backward of every loss, for one shape."""
    from mmrazor.registry import MODELS

    torch.manual_seed(0)
    labels = torch.arange(n, device=device) % m
    maps = d % 16 == 0
    data = {
        'features': [(n, d)] * 2,
        'logits': [(n, m)] * 2,
        'maps': [(n, d // 16, 4, 4)] * 2 if maps else None,
    }
    data = {
        key: [torch.randn(shape, device=device) for shape in shapes]
        for key, shapes in data.items()
        if shapes
    }
    rows = [torch.randn(m, d, device=device) / d**0.5 for _ in range(2)]

    def bare():
        s, t = data['features']
        partial = s @ rows[0].T
        t @ rows[1].T
        return partial @ rows[0]  # a matrix of the shape of the gradient that comes back

    yield 'three matrix products', bare

    def of(loss, kind, *more):
        s, t = data[kind]
        s = s.clone().requires_grad_()

        def step():
            s.grad = None
            found = loss(s, t, *more)
            (sum(found.values()) if isinstance(found, dict) else found).backward()

        return step

    def kda(**arguments):
        return MODELS.build(dict(type='mmrazor.KDALoss', **arguments)).to(device).eval()

    def authors_lines(s, t):
        s_sim = s @ rows[0].T
        with torch.no_grad():
            t_sim = t @ rows[1].T
        return F.smooth_l1_loss(s_sim, t_sim, reduction='sum') / t_sim.norm()

    yield "the authors' three lines", of(authors_lines, 'features')

    fixed = dict(type='fixed', student=rows[0].cpu(), teacher=rows[1].cpu())
    for form in ('partial', 'nystrom'):
        for name, kernel in KERNELS.items():
            loss = kda(landmarks=fixed, kernel=kernel, form=form)
            yield f'KDA {form}, {name}', of(loss, 'features')
    for distance in ('l1', 'mse', 'kl', 'cosine'):
        yield f'KDA partial, linear, {distance}', of(kda(landmarks=fixed, distance=distance), 'features')
    yield (
        'KDA partial, linear, scale of the landmarks',
        of(kda(landmarks=fixed, kernel=dict(type='linear', scale='landmarks')), 'features'),
    )
    for form in ('partial', 'nystrom'):
        loss = kda(landmarks=fixed, preset='landmark_cka', form=dict(type=form, center=True))
        yield f'KDA landmark_cka, {form}', of(loss, 'features')
    for preset in ('sp', 'cc', 'cka'):
        yield f'KDA batch: {preset}', of(kda(preset=preset), 'features')
    # In training, the strategy collecting beside it.
    for strategy in STRATEGIES:
        loss = kda(landmarks=dict(type=strategy, num_landmarks=m)).train()
        loss.attach('loss', ('gt_label',))
        many = [torch.randn(2 * m, d, device=device) for _ in range(2)]
        loss.landmarks.observe(*many, torch.arange(2 * m, device=device) % m)
        loss.landmarks.commit()
        yield f'KDA partial, linear, collecting for {strategy}', of(loss, 'features', labels)

    running = dict(type='class_center', num_landmarks=m, update='running')
    running = kda(preset='landmark_cka', landmarks=running).train()
    running.attach('loss', ('gt_label',))

    def renewed(s, t, labels):
        found = running(s, t, labels)
        running.landmarks.commit()
        return found

    renewed(*many, torch.arange(2 * m, device=device) % m)
    yield 'KDA landmark_cka, running class centres', of(renewed, 'features', labels)

    def razor(kind, name, *more, **arguments):
        loss = MODELS.build(dict(type=f'mmrazor.{name}', **arguments)).to(device)
        return f'mmrazor {name}', of(loss, kind, *more)

    yield razor('logits', 'KLDivergence', tau=4.0)
    yield razor('logits', 'KDSoftCELoss')
    yield razor('logits', 'DKDLoss', labels)
    yield razor('logits', 'DISTLoss')
    yield razor('logits', 'WSLD', labels, num_classes=m)
    yield razor('features', 'L1Loss')
    yield razor('features', 'L2Loss')
    yield razor('features', 'DistanceWiseRKD')
    if n * n * d <= 128 * 128 * 512:
        yield razor('features', 'AngleWiseRKD')  # its N x N x d tensor is gigabytes beyond that
    if 'maps' in data:
        yield razor('maps', 'ATLoss', loss_weight=1.0)
        yield razor('maps', 'PKDLoss')
        yield razor('maps', 'ChannelWiseDivergence')


def loss_table(args) -> tuple[str, dict]:
    """Every loss in every shape, in multiples of the bare products."""
    ratios = {}
    for shape in args.shapes:
        steps = dict(loss_steps(*shape, args.device))
        found = rounds_of(steps, args.rounds, args.device, 'three matrix products')
        for name, value in found.items():
            ratios.setdefault(name, {})['x'.join(map(str, shape))] = value
    columns = ['x'.join(map(str, shape)) for shape in args.shapes]
    lines = [['forward + backward', *(f'(N, d, m) = ({", ".join(c.split("x"))})' for c in columns)]]
    for name, row in ratios.items():
        lines.append([name, *(f'{row[c]:.2f}' if c in row else '-' for c in columns)])
    return markdown_table(lines), ratios


def epoch_table(args) -> tuple[str, dict]:
    """What goes on beside the losses in an epoch, in percent of its training steps."""
    from mmengine.config import Config
    from mmengine.runner import Runner
    from mmpretrain.structures import DataSample

    shares, state = {}, {}
    for strategy in args.strategies:
        cfg = Config.fromfile(CONFIGS / PAIR)
        landmarks = cfg.model.distiller.distill_losses.loss_kda.landmarks
        landmarks.type = strategy
        cfg.model.teacher_ckpt = None
        cfg.merge_from_dict(
            dict(work_dir=str(args.work_dir), log_level='ERROR', experiment_name=f'b{time.time_ns()}')
        )
        cfg.val_dataloader = cfg.test_dataloader = cfg.val_cfg = cfg.test_cfg = None
        cfg.val_evaluator = cfg.test_evaluator = None
        cfg.custom_hooks = [dict(type='LandmarkHook', warmup_epochs=0)]
        runner = Runner.from_cfg(cfg)
        model = runner.model.to(args.device)
        model.train()
        hook = next(hook for hook in runner.hooks if type(hook).__name__ == 'LandmarkHook')
        hook.before_run(runner)
        loss = hook.losses[0]
        optimizer = runner.build_optim_wrapper(cfg.optim_wrapper)
        samples = [DataSample().set_gt_label(i % 100) for i in range(BATCH)]
        images = list(torch.randint(0, 256, (BATCH, 3, 32, 32), dtype=torch.uint8))
        data = dict(inputs=images, data_samples=samples)
        s, t = torch.randn(BATCH, 128, device=args.device), torch.randn(BATCH, 256, device=args.device)
        labels = torch.arange(BATCH, device=args.device) % 100
        iterations = IMAGES // BATCH
        for _ in range(iterations):  # a full epoch's pool
            loss.landmarks.observe(s + torch.randn_like(s), t + torch.randn_like(t), labels)
        full = loss.state_dict()
        state[strategy] = sum(v.numel() * v.element_size() for v in full.values())

        def refresh(loss=loss, full=full, hook=hook):
            loss.load_state_dict(full)
            hook._refresh([loss])

        steps = dict(
            step=lambda model=model, data=data, optimizer=optimizer: model.train_step(data, optimizer),
            collecting=lambda loss=loss, s=s, t=t, labels=labels: loss.landmarks.observe(s, t, labels),
            hook=loss.report,
            refresh=refresh,
            loading=lambda loss=loss, full=full: loss.load_state_dict(full),
        )
        found = rounds_of(steps, args.epoch_rounds, args.device, 'step')
        shares[strategy] = dict(
            collecting=100 * found['collecting'],
            hook=100 * (found['hook'] + max(found['refresh'] - found['loading'], 0) / iterations),
        )
    lines = [['strategy', 'collecting (% of the steps)', 'LandmarkHook (%)', 'state (MiB)']]
    for strategy, row in shares.items():
        lines.append(
            [
                strategy,
                f'{row["collecting"]:.3f}',
                f'{row["hook"]:.3f}',
                f'{state[strategy] / 2**20:.2f}',
            ]
        )
    return markdown_table(lines), dict(shares=shares, state_bytes=state)


def parse_args():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--rounds', type=int, default=40, help='rounds of the first table (default: 40)')
    parser.add_argument(
        '--epoch-rounds', type=int, default=3, help='of the second; 0: without (default: 3)'
    )
    parser.add_argument('--device', default='cuda' if torch.cuda.is_available() else 'cpu')
    parser.add_argument('--threads', type=int, default=None, help="CPU threads (default: torch's own)")
    parser.add_argument('--out', type=Path, default=None, help='also write the figures as JSON')
    args = parser.parse_args()
    args.shapes, args.strategies = SHAPES, STRATEGIES
    args.work_dir = Path('work_dirs/benchmark_losses')
    return args


def main():
    args = parse_args()
    if args.threads:
        torch.set_num_threads(args.threads)
    text, ratios = loss_table(args)
    print(f'\nIn multiples of three bare matrix products, on {args.device}:\n\n{text}\n', flush=True)
    result = dict(losses=ratios)
    if args.epoch_rounds:
        text, result['epoch'] = epoch_table(args)
        print(f'Beside the losses, in an epoch of {IMAGES} images:\n\n{text}')
    if args.out:
        from demo_report import provenance

        result.update(provenance(), threads=torch.get_num_threads())
        args.out.write_text(json.dumps(result, indent=2) + '\n')


if __name__ == '__main__':
    sys.exit(main())
