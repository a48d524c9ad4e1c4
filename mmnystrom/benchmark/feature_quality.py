"""What the features of students are good for beside their own classifier: retrieval, and other data."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.runner import Runner
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .compare import suite_scheduler
from .differences import BASELINES, STAR, VERSUS, columns, differences
from .errors import ResultError
from .evaluate import classifier, features, load_run
from .options import Options
from .places import CONFIGS
from .plan import Plan, Run, recipe
from .processes import end_with_parent
from .provenance import provenance
from .result import FIGURES, Result
from .tables import difference, markdown_table, mean_std

NEIGHBOURS = 5
#: Data that needs no download, and that no network of CIFAR or ImageNet has seen.
PROBE = CONFIGS / 'vanilla/mmpretrain/digits/resnet18-w8_1xb32-40e_digits.py'
FILE = 'feature_quality.json'
COLUMNS = dict(
    neighbours=f'{NEIGHBOURS} neighbours',
    probe='probe',
    probe_neighbours=f'probe, {NEIGHBOURS} neighbours',
)
LEGEND = f'{VERSUS} {STAR} Each figure is corrected by itself.'


def neighbour_accuracy(features: np.ndarray, labels: np.ndarray, k: int = NEIGHBOURS) -> float:
    """Percent of images whose nearest others, by cosine, vote for their class; each leaves itself out.

    Args:
        features: Shape (N, d).
        labels: Shape (N,), integers.
        k: Neighbours that vote; of a tie the smaller label wins. Defaults to 5.

    Example:
        >>> x = np.array([[1.0, 0.0], [1.0, 0.1], [0.0, 1.0], [0.1, 1.0]])
        >>> neighbour_accuracy(x, np.array([0, 0, 1, 1]), k=1), neighbour_accuracy(x, np.arange(4), k=1)
        (100.0, 0.0)
    """
    search = NearestNeighbors(n_neighbors=k, metric='cosine', algorithm='brute').fit(features)
    votes = labels[search.kneighbors(return_distance=False)]
    elected = np.array([np.bincount(row).argmax() for row in votes])
    return 100 * float(np.mean(elected == labels))


def probe_accuracy(train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]) -> float:
    """Top-1, in percent, of a logistic regression on standardised features.

    Args:
        train: Features (N, d), and labels (N,).
        test: The same, to be classified.
    """
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    return 100 * float(model.fit(*train).score(*test))


@torch.no_grad()
def features_of_other_data(
    runner: Runner, config: Path, split: str, size: tuple[int, int], batch: int = 256
) -> tuple[np.ndarray, np.ndarray]:
    """Pre-FC features of a student on the images of another config, enlarged to its own size.

    Args:
        runner: A runner with weights.
        config: The config whose data is taken.
        split: ``'train'`` or ``'test'``.
        size: Height and width.
        batch: Images at a time. Defaults to 256.

    Returns:
        Features (N, d), and labels (N,).
    """
    loader = Config.fromfile(config)[f'{split}_dataloader']
    loader.update(batch_size=batch, num_workers=0, persistent_workers=False, drop_last=False)
    loader.sampler = dict(type='DefaultSampler', shuffle=False)
    model = runner.model
    model.eval()
    network = getattr(model, 'student', model)
    found, labels = [], []
    hook = classifier(network).register_forward_hook(
        lambda module, inputs, output: found.append(inputs[0].flatten(1).float().cpu())
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        batches = Runner.build_dataloader(loader, seed=0)
    for data in batches:
        images = torch.stack(list(data['inputs'])).float()
        images = torch.nn.functional.interpolate(images, size, mode='bilinear', align_corners=False)
        ready = model.data_preprocessor(dict(data, inputs=list(images.round())), False)
        network(ready['inputs'], mode='tensor')
        labels += [sample.gt_label.cpu() for sample in data['data_samples']]
    hook.remove()
    return torch.cat(found).numpy(), torch.cat(labels).numpy()


def quality(run: Run, work_dir: Path, probe: Path = PROBE) -> dict:
    """Figures of one finished run; they are kept in its folder.

    Returns:
        ``top1``, ``neighbours`` and ``probe``, in percent, and ``probe_neighbours``, of the probe's test
        images; ``transfer`` and ``cka`` by layer, of a distillation.
    """
    runner = load_run(run, work_dir)
    found, labels = features(runner)
    taught = features(runner, 'teacher')[0] if run.spec.distilled else None
    result = Result()
    result.add(run, found, labels, taught)
    size = tuple(runner.test_dataloader.dataset[0]['inputs'].shape[1:])
    other = [features_of_other_data(runner, probe, split, size) for split in ('train', 'test')]
    figures = dict(
        fingerprint=run.fingerprint,
        probe_recipe=recipe(probe),
        top1=result.top1[0],
        best=result.best[0],
        diverged=bool(result.diverged),
        transfer={layer: values[0] for layer, values in result.transfer.items() if values},
        cka={layer: values[0] for layer, values in result.cka.items() if values},
        neighbours=neighbour_accuracy(found['pre-FC'].numpy(), labels.numpy()),
        probe=probe_accuracy(*other),
        probe_neighbours=neighbour_accuracy(*other[1]),
    )
    if taught is not None:
        figures['teacher'] = dict(
            top1=100 * float((taught['post-FC'].argmax(1) == labels).double().mean()),
            neighbours=neighbour_accuracy(taught['pre-FC'].numpy(), labels.numpy()),
        )
    (run.folder.path / FILE).write_text(json.dumps(figures, indent=2) + '\n')
    return figures


def quality_of(options: Options, method: str, seed: int, probe: Path) -> dict:
    """:func:`quality` of a run by its name, in a process of its own."""
    scheduler, _ = suite_scheduler(options)
    return quality(scheduler.plan.run(method, seed), scheduler.plan.work_dir, probe)


def kept(run: Run, probe: Path = PROBE) -> dict | None:
    """The figures that are there already, of a run of this very config and of this probe."""
    try:
        figures = json.loads((run.folder.path / FILE).read_text())
    except (FileNotFoundError, ValueError):
        return None
    wanted = dict(fingerprint=run.fingerprint, probe_recipe=recipe(probe))
    return figures if all(figures.get(key) == value for key, value in wanted.items()) else None


def measure_all(
    plan: Plan, options: Options, probe: Path = PROBE, jobs: int = 1
) -> dict[str, dict[int, dict]]:
    """Figures of every finished run of a suite.

    Args:
        plan: The runs.
        options: What they follow from, for the processes: the suite, and what was given to its benchmark.
        probe: Config whose data is probed. Defaults to Digits.
        jobs: Processes. Defaults to 1.

    Returns:
        Method -> seed -> figures, see :func:`quality`.

    Raises:
        ResultError: If no run is finished.
    """
    runs = [run for name in plan.reported for run in plan.of(name) if run.finished]
    if not runs:
        raise ResultError(f'{plan.work_dir} holds no finished run: tools/benchmark.py trains them.')
    missing = [run for run in runs if kept(run, probe) is None]
    if missing:
        context = multiprocessing.get_context('spawn')  # a forked process cannot use a GPU
        with ProcessPoolExecutor(min(jobs, len(missing)), context, end_with_parent) as pool:
            waiting = [pool.submit(quality_of, options, r.method, r.seed, probe) for r in missing]
            for future in waiting:
                future.result()
    found: dict[str, dict[int, dict]] = {}
    for run in runs:
        found.setdefault(run.method, {})[run.seed] = kept(run, probe)
    return found


def write_quality(options: Options, probe: Path = PROBE, jobs: int = 1) -> str:
    """Measure, and write features.json beside the results of the benchmark.

    Returns:
        A table, Markdown, and what its intervals are by.
    """
    plan = suite_scheduler(options)[0].plan
    found = measure_all(plan, options, probe, jobs)
    text, versus = quality_table(found, options.against or BASELINES)
    rows = dict(rows=found, versus=versus, probe=probe.stem, neighbours=NEIGHBOURS, **provenance())
    (plan.work_dir / 'features.json').write_text(json.dumps(rows, indent=2) + '\n')
    return text


def quality_table(
    found: dict[str, dict[int, dict]], baselines: Sequence[str] = BASELINES
) -> tuple[str, dict[str, dict[str, dict]]]:
    """The figures as a table, with differences as top-1 has them.

    Args:
        found: What :func:`measure_all` gives.
        baselines: Methods that the others are compared with. Defaults to the student alone and KD.

    Returns:
        The table, Markdown, and what its intervals are by; figure -> method -> baseline -> difference.
    """
    head, notes, versus = ['method', 'top-1'], [], {}
    diverged = [name for name, rows in found.items() if any(row.get('diverged') for row in rows.values())]
    for figure, column in COLUMNS.items():
        head += [column, *columns(baselines)]
        values = {name: {seed: row[figure] for seed, row in rows.items()} for name, rows in found.items()}
        versus[figure], scatter = differences(values, baselines, diverged)
        if scatter is not None:
            notes.append(f'{column}: {scatter.note()}')
    lines = [[*head, 'transfer error pre-FC', 'CKA pre-FC']]
    for name, by_seed in found.items():
        line = [name, mean_std([row['top1'] for row in by_seed.values()], 2)]
        for figure in COLUMNS:
            line.append(mean_std([row[figure] for row in by_seed.values()], 2))
            line += [difference(versus[figure][name].get(unit)) for unit in baselines]
        for figure in FIGURES:
            values = [row[figure]['pre-FC'] for row in by_seed.values() if 'pre-FC' in row[figure]]
            line.append(mean_std(values, 3))
        lines.append(line)
    return '\n\n'.join([markdown_table(lines), LEGEND, *notes]), versus
