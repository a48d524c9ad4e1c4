"""Which students are trained to see whether KDA can hurt, and the processes that train them."""

from __future__ import annotations

import json
import multiprocessing
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, replace
from pathlib import Path

import torch
from mmengine.logging import MMLogger

from ..processes import end_with_parent
from ..progress import say
from ..provenance import provenance
from . import tutorial
from .report import CORRELATED, STRONGER, SWEPT, SWEPT_CORRELATED, report
from .runs import DATA, Method, Run, train_student, train_teacher

PAIRS = [
    ('ResNet', 'ResNet'),
    ('ResNet', 'MobileNetV2'),
    ('ResNet', 'ShuffleNetV2'),
    ('ConvNeXt', 'MobileNetV2'),
    ('DeiT', 'ResNet'),
]


#: What the configs ``kda_centered_neck_*`` have, the default until the correlated loss.
CENTERED = dict(preset='landmark_cka', loss_weight=3.0)
#: What the configs for pairs other than the paper's have, and the tutorial.
TURNED = dict(preset='nystrom_correlation', loss_weight=10.0)
CENTERS = dict(type='class_center')


def kda(**arguments) -> dict:
    """Arguments of a KDALoss on class centres, if they say nothing else."""
    return dict(landmarks=CENTERS, **arguments) if 'landmarks' not in arguments else arguments


#: With the weights that KD has in the zoo.
KD = Method(kd=0.9, task=0.1)
METHODS = {
    'student alone': Method(),
    'KD': KD,
    'KDA as published': Method(kda=kda(loss_weight=0.04)),
    'KDA centred': Method(kda=kda(**CENTERED)),
    'KDA centred + KD': replace(KD, kda=kda(**CENTERED)),
}
#: What is tried on the first two pairs only.
EXTRA = {
    'KDA centred, post-FC': Method(kda=kda(**CENTERED), layers=('logits',)),
    'KDA centred, both': Method(kda=kda(**CENTERED), layers=('feat', 'logits')),
    'cka 3': Method(kda=dict(preset='cka', loss_weight=3.0)),
}
CANDIDATES = {
    # The weight that this project recommended at first.
    'published, weight 0.231': Method(kda=kda(loss_weight=0.231)),
    'published, scale="landmarks"': Method(
        kda=kda(kernel=dict(type='linear', scale='landmarks'), loss_weight=1.0)
    ),
    'cka 1': Method(kda=dict(preset='cka', loss_weight=1.0)),
    'cka 3': Method(kda=dict(preset='cka', loss_weight=3.0)),
    'landmark_cka 1': Method(kda=kda(preset='landmark_cka', loss_weight=1.0)),
    'landmark_cka 3': Method(kda=kda(preset='landmark_cka', loss_weight=3.0)),
    'landmark_cka 1, ramp': Method(kda=kda(preset='landmark_cka', loss_weight=1.0), ramp=2),
    'landmark_cka 1, running': Method(
        kda=dict(
            preset='landmark_cka', landmarks=dict(type='class_center', update='running'), loss_weight=1.0
        )
    ),
    'landmark_cka 1, mean of landmarks': Method(
        kda=kda(
            preset='landmark_cka',
            form=dict(type='partial', center=True, mean='landmarks'),
            loss_weight=1.0,
        )
    ),
    'landmark_cka 1, Nystrom rows': Method(
        kda=kda(preset='landmark_cka', form=dict(type='nystrom', center=True), loss_weight=1.0)
    ),
    'landmark_cka 1, 100 of k-means': Method(
        kda=dict(preset='landmark_cka', landmarks=dict(type='kmeans', num_landmarks=100), loss_weight=1.0)
    ),
    'landmark_cka 1, 100 at random': Method(
        kda=dict(preset='landmark_cka', landmarks=dict(type='random', num_landmarks=100), loss_weight=1.0)
    ),
    'landmark_cka 1, rbf': Method(
        kda=kda(preset='landmark_cka', kernel=dict(type='rbf', gamma='median'), loss_weight=1.0)
    ),
}


def candidates(seeds: int) -> dict[Run, Method]:
    """Every form that might have been the default, on two pairs."""
    methods = {'student alone': METHODS['student alone'], 'KD': METHODS['KD']}
    methods['KDA as published'] = METHODS['KDA as published']
    methods.update(CANDIDATES)
    for name in ('cka 1', 'cka 3', 'landmark_cka 1', 'landmark_cka 3'):
        methods[f'{name} + KD'] = replace(KD, kda=CANDIDATES[name].kda)
    return {
        Run('CIFAR 12 x 120', *pair, 64, 1.0, name, seed): method
        for seed in range(seeds)
        for pair in PAIRS[:2]
        for name, method in methods.items()
    }


def settings() -> list[tuple]:
    """Data, pair, batch, scale: one thing changed at a time on the first two pairs, and every pair."""
    found = [(data, *pair, DATA[data].batch, 1.0) for data in DATA for pair in PAIRS]
    # The longest runs: two pairs only.
    found = [x for x in found if x[0] != 'CIFAR 20 x 500' or x[1:3] in PAIRS[:2]]
    for pair in PAIRS[:2]:
        found += [('CIFAR 12 x 120', *pair, batch, 1.0) for batch in (32, 256)]
        found += [('CIFAR 12 x 120', *pair, 64, scale) for scale in (1 / 3, 3.0)]
    return found


def table(seeds: int) -> dict[Run, Method]:
    """The centred form beside the others."""
    return {
        Run(*setting, name, seed): method
        for seed in range(seeds)
        for setting in settings()
        for name, method in {**METHODS, **EXTRA}.items()
        if setting[4] == 1 or 'KDA' in name  # the others do not see the scale of features
        if name not in EXTRA or _extra(setting, name)
    }


def _extra(setting: tuple, name: str) -> bool:
    """Whether a setting has the methods that only some have."""
    data, *pair, batch, scale = setting
    here = data == 'CIFAR 12 x 120' and tuple(pair) in PAIRS[:2] and scale == 1
    return here and (batch == 64 or name == 'cka 3')


def weights(seeds: int) -> dict[Run, Method]:
    """The centred forms at other weights."""
    forms = dict(cka=dict(preset='cka'), landmark_cka=kda(preset='landmark_cka'))
    runs = {}
    for seed in range(seeds):
        for pair in PAIRS[:2]:
            setting = ('CIFAR 12 x 120', *pair, 64, 1.0)
            runs[Run(*setting, 'student alone', seed)] = METHODS['student alone']
            for name, arguments in forms.items():
                for weight in SWEPT:
                    method = Method(kda=dict(arguments, loss_weight=weight))
                    runs[Run(*setting, f'{name} {weight:g}', seed)] = method
    return runs


def stronger(seeds: int) -> dict[Run, Method]:
    """The centred form at three times its weight, in every setting of the table but for the scales."""
    return _everywhere(STRONGER, kda(preset='landmark_cka', loss_weight=10.0), seeds)


def correlated(seeds: int) -> dict[Run, Method]:
    """The default loss, correlated, in the same settings; other weights in three."""
    runs = _everywhere(CORRELATED, kda(**TURNED), seeds)
    for data, *pair in [
        ('CIFAR 12 x 120', *PAIRS[0]),
        ('CIFAR 12 x 120', *PAIRS[1]),
        ('Digits', *PAIRS[0]),
    ]:
        for name, weight in SWEPT_CORRELATED.items():
            method = Method(kda=kda(**dict(TURNED, loss_weight=weight)))
            for seed in range(seeds):
                runs[Run(data, *pair, DATA[data].batch, 1.0, name, seed)] = method
    return runs


def _everywhere(form: str, arguments: dict, seeds: int) -> dict[Run, Method]:
    """One form by itself, with KD, and in some settings on other layers."""
    methods = {name: METHODS[name] for name in ('student alone', 'KD')}
    methods[form] = Method(kda=arguments)
    methods[f'{form} + KD'] = replace(KD, kda=arguments)
    elsewhere = {
        f'{form}, post-FC': Method(kda=arguments, layers=('logits',)),
        f'{form}, both': Method(kda=arguments, layers=('feat', 'logits')),
    }
    return {
        Run(*setting, name, seed): method
        for seed in range(seeds)
        for setting in settings()
        if setting[4] == 1
        for name, method in {**methods, **elsewhere}.items()
        if name in methods or _extra(setting, name)
    }


PARTS = dict(choose=candidates, table=table, weights=weights, stronger=stronger, correlated=correlated)


def initialize() -> None:
    """Give a process one core, and let it end with the command."""
    # Networks are made before there is a Runner with a logger of its own, and say how they begin.
    MMLogger.get_instance('can_it_hurt', log_level='WARNING')
    torch.set_num_threads(1)
    end_with_parent()


def in_processes(jobs: int, tasks: dict, path: Path) -> dict:
    """Call what is not done yet. Write every result as soon as it is there.

    Args:
        jobs: Processes.
        tasks: Name -> what it is (a result of something else is made anew), function, arguments.
        path: The file of results.
    """
    results = json.loads(path.read_text()) if path.exists() else {}
    open_tasks = {
        name: call
        for name, (what, *call) in tasks.items()
        if name not in results or results[name]['of'] != what
    }
    context = multiprocessing.get_context('spawn')
    with ProcessPoolExecutor(jobs, context, initialize) as pool:
        futures = {pool.submit(*task): name for name, task in open_tasks.items()}
        try:
            for number, future in enumerate(as_completed(futures), 1):
                name = futures[future]
                results[name] = dict(future.result(), of=tasks[name][0])
                temporary = path.with_suffix('.part')
                temporary.write_text(json.dumps(results, indent=1, sort_keys=True) + '\n')
                temporary.replace(path)
                line = f'{number} of {len(futures)}: {name}: {results[name]["top1"]:.2f}'
                say(line)
        except BaseException:
            pool.shutdown(cancel_futures=True)  # wait for what has begun, begin no more
            raise
    return results


def tasks(part: str, seeds: int, work_dir: Path) -> tuple[dict, dict]:
    """Teachers, and students, of a part: name -> what it is, function, arguments."""
    if part == 'tutorial':
        teachers = {'teacher | tutorial': ('teacher', tutorial.train_teacher, work_dir)}
        return teachers, {
            f'tutorial | {name} | {seed}': (added, tutorial.train_student, name, seed, work_dir)
            for seed in range(seeds)
            for name, added in tutorial.METHODS.items()
            if seed < 2 or 'published' not in name
        }
    runs = PARTS[part](seeds)
    needed = sorted({(DATA[run.data].teacher, run.teacher) for run in runs})
    teachers = {
        f'teacher | {data} | {name}': ('teacher', train_teacher, data, name, work_dir)
        for data, name in needed
    }
    return teachers, {
        run.key: (json.loads(json.dumps(asdict(method))), train_student, run, method, work_dir)
        for run, method in runs.items()
    }


def can_it_hurt(part: str, work_dir: Path, seeds: int, jobs: int) -> str:
    """Train what a part needs and is not there yet; write its table and all results; return the table.

    Args:
        part: One of :data:`PARTS`, or ``'tutorial'``.
        work_dir: Where teachers and results are kept.
        seeds: Seeds of each row.
        jobs: Processes.
    """
    work_dir.mkdir(parents=True, exist_ok=True)
    path = work_dir / 'results.json'
    teachers, students = tasks(part, seeds, work_dir)
    in_processes(jobs, teachers, path)
    results = in_processes(jobs, students, path)
    # Other parts leave their results in the same file, with other methods and seeds.
    text = report(part, {name: results[name] for name in students})
    (work_dir / f'{part}.md').write_text(text + '\n')
    found = dict(results=results, **provenance())
    (work_dir / 'can_it_hurt.json').write_text(json.dumps(found, indent=1) + '\n')
    return text
