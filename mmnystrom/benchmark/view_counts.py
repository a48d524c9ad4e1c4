"""What fewer views, half precision in the store, and bfloat16 training do to a student's accuracy."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .analysis import train_and_report
from .errors import first_lines
from .evaluate import evaluate
from .places import CONFIGS
from .plan import STUDENT, TEACHER, Method, Plan, Run
from .provenance import provenance
from .replayed import with_hooks, with_options
from .result import Result, compare_top1
from .tables import difference, if_fewer, markdown_table, mean_std

VIEWS = (1, 2, 5, 10)
ALL = 'all views'


@dataclass(frozen=True)
class Setting:
    """Where views are counted.

    Args:
        teacher: Config of the teacher.
        student: Config of the student alone.
        distillation: Config of the distillation.
        seeds: Seeds of each row.
        changes: Changes of the configs of students.
    """

    teacher: str
    student: str
    distillation: str
    seeds: int
    changes: dict


SETTINGS = {
    'digits': Setting(
        'vanilla/mmpretrain/digits/resnet18-w16_1xb64-30e_digits.py',
        'vanilla/mmpretrain/digits/resnet18-w8_1xb32-40e_digits.py',
        'distill/mmpretrain/kda/kda_neck-kd_resnet18-w16_resnet18-w8_1xb32-40e_digits.py',
        seeds=5,
        # The config draws nothing at random, so that all its views are one: shifts by a pixel.
        changes={
            'train_dataloader.dataset.pipeline': [
                dict(type='RandomCrop', crop_size=8, padding=1),
                dict(type='PackInputs'),
            ]
        },
    ),
    'cifar100-20': Setting(
        'vanilla/mmpretrain/cifar100-20/resnet18-w16_1xb128-30e_cifar100-20.py',
        'vanilla/mmpretrain/cifar100-20/resnet18-w8_1xb128-30e_cifar100-20.py',
        'distill/mmpretrain/kda/kda_neck-kd_resnet18-w16_resnet18-w8_1xb128-30e_cifar100-20.py',
        seeds=3,
        changes={},
    ),
}


def views_plan(setting: Setting, work_dir: Path, seeds: int | None = None) -> Plan:
    """The teacher, the student alone, and a distillation a row; their configs are written here."""
    folder = work_dir / 'configs'

    def method(name: str, changes: dict | None = None, channels_last: bool = False, **replay) -> Method:
        plain = Method(CONFIGS / setting.distillation, distilled=True)
        changes = {**setting.changes, **(changes or {})}
        return with_options(name, plain, folder, dict(refuse=True, **replay), channels_last, changes)

    alone = with_hooks(CONFIGS / setting.student, folder / 'student.py', (), setting.changes)
    methods = {
        TEACHER: Method(CONFIGS / setting.teacher, seeds=1),
        STUDENT: Method(alone),
        ALL: method(ALL, views=None),  # the first, as it stores what the others replay
    }
    for count in reversed(VIEWS):
        name = f'{count} view{"s" * (count > 1)}'
        methods[name] = method(name, views=count)
    name = '10 views, float16 store'
    methods[name] = method(name, views=10, dtype='float16')
    name, half = '10 views, bf16 training', {'optim_wrapper.type': 'AmpOptimWrapper'}
    methods[name] = method(name, half, channels_last=True, views=10)
    return Plan(work_dir, methods, seeds or setting.seeds)


def views_table(
    name: str, work_dir: Path, seeds: int | None = None, jobs: int = 2
) -> tuple[str, list[str]]:
    """Train what is not trained yet, and report what is finished.

    Args:
        name: Of a setting, see :data:`SETTINGS`.
        work_dir: Where the runs are kept; results.json is written there.
        seeds: Seeds of each row. Defaults to None, the setting's.
        jobs: Runs at a time. Defaults to 2.

    Returns:
        The table, Markdown, and why runs failed, a message a cause.

    Raises:
        BenchmarkError: If the folder of a run cannot be used, or a checkpoint contradicts its log.
    """
    plan = views_plan(SETTINGS[name], work_dir, seeds)
    return train_and_report(plan, jobs, partial(write_views_report, name))


def write_views_report(name: str, plan: Plan, failed: Mapping[Run, str]) -> str:
    """Write results.json of the finished runs; return the table.

    Args:
        name: Of the setting.
        plan: The plan of the table.
        failed: Run -> why it failed.
    """
    results, _ = evaluate(plan, plan.reported)
    compare_top1(results, (STUDENT, ALL))
    found = dict(
        setting=name,
        rows={key: row.as_dict() for key, row in results.items()},
        failed=first_lines(failed),
        **provenance(),
    )
    (plan.work_dir / 'results.json').write_text(json.dumps(found, indent=2) + '\n')
    return table(results, len(plan.seeds))


def table(results: dict[str, Result], seeds: int) -> str:
    """Top-1 of every row, with paired differences.

    Args:
        results: Name of a row -> its result.
        seeds: Seeds that a row has, if none of its runs failed.
    """
    lines = [['row', 'top-1 (%)', 'vs student', 'vs all views', 'transfer pre-FC']]
    for name, result in results.items():
        versus = [difference(result.versus.get(baseline)) for baseline in (STUDENT, ALL)]
        top1 = mean_std(result.top1, 2) + if_fewer(len(result.seeds), seeds)
        lines.append([name, top1, *versus, mean_std(result.transfer['pre-FC'], 3)])
    return markdown_table(lines)
