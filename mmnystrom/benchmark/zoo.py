"""The metafile.yml of every method, and model-index.yml, from the configs and the benchmarks.

The results are those of ``configs/benchmark/results/*.json``, so that no figure is copied by hand.
"""

from __future__ import annotations

import json
import re
import statistics
from pathlib import Path

import yaml
from mmengine.config import Config

from .places import CONFIGS, ROOT
from .plan import recipe
from .suites import find_suite, suite_changes, suite_methods

ZOO = CONFIGS / 'distill' / 'mmpretrain'
RESULTS = CONFIGS / 'benchmark' / 'results'
DATA = {
    'digits': 'Digits',
    'cifar10': 'CIFAR-10',
    'cifar100': 'CIFAR-100',
    'cifar100-20': 'CIFAR-100, 20 classes',
    'tiny-imagenet': 'Tiny-ImageNet',
    'in1k': 'ImageNet-1k',
}


def measured() -> tuple[dict[str, float], dict[str, list[str]]]:
    """What the benchmarks say of the configs.

    Where a suite changes a config, something else was trained than the config says, and so it was with
    --amp, --channels-last, --replay or --cfg-options, and where the config has changed since. All but
    the first are in a report's recipes, which those of before 2026-11-26 do not have.

    Returns:
        Name of a config -> mean top-1 at the last epoch. And name of a suite -> the methods whose recipe
        is another today than the one that was trained, so that their results are not of the config.
    """
    found: dict[str, float] = {}
    otherwise: dict[str, list[str]] = {}
    for path in sorted(RESULTS.glob('*.json')):
        report = json.loads(path.read_text())
        rows = report['rows']
        recipes = [part['recipes'] for part in report.get('parts', [report]) if 'recipes' in part]
        file = find_suite(path.stem)
        cfg = Config.fromfile(file)
        methods = suite_methods(cfg, file)
        changes = suite_changes(cfg, file, methods)
        for name, method in methods.items():
            if name not in rows or changes[name]:
                continue
            if all(given.get(name) in (None, recipe(method.config)) for given in recipes):
                found[method.config.stem] = round(statistics.mean(rows[name]['top1']), 2)
            else:
                otherwise.setdefault(path.stem, []).append(name)
    return found, otherwise


def collection(folder: Path) -> dict:
    """Name and paper of a method, as its README begins."""
    readme = (folder / 'README.md').read_text()
    name = re.match(r'# (.+)', readme).group(1)
    quotes = readme.replace('\n> ', ' ')  # a title may go over two lines
    title, url = re.search(r'\[([^]]+)\]\((https:\S+)\)', quotes).groups()
    names = {path.stem.rpartition('_')[2].removesuffix('-folder') for path in folder.glob('*.py')}
    data = [DATA[key] for key in DATA if key in names]
    return {
        'Name': name,
        'Metadata': {'Training Data': data},
        'Paper': {'URL': url, 'Title': title},
        'README': str((folder / 'README.md').relative_to(ROOT)),
    }


def metafile(folder: Path, results: dict[str, float]) -> dict:
    """The metafile of one method."""
    head = collection(folder)
    models = []
    for path in sorted(folder.glob('*.py')):
        *method, teacher, student, schedule, data = path.stem.split('_')
        entry = {
            'Name': path.stem,
            'In Collection': head['Name'],
            'Metadata': {
                'Location': method[-1],
                'Teacher': teacher,
                'Student': student,
                'Schedule': schedule,
            },
        }
        if path.stem in results:
            metrics = {'Top 1 Accuracy': results[path.stem]}
            dataset = DATA[data.removesuffix('-folder')]
            entry['Results'] = [{'Task': 'Classification', 'Dataset': dataset, 'Metrics': metrics}]
        entry['Config'] = str(path.relative_to(ROOT))
        models.append(entry)
    return {'Collections': [head], 'Models': models}


def metafiles(results: dict[str, float]) -> dict[Path, str]:
    """Path of a file -> the text that belongs into it, with the results that :func:`measured` gives."""
    folders = sorted(path for path in ZOO.iterdir() if path.is_dir())
    found = {
        folder / 'metafile.yml': yaml.safe_dump(metafile(folder, results), sort_keys=False, width=100)
        for folder in folders
    }
    index = {'Import': [str(path.relative_to(ROOT)) for path in found]}
    found[ROOT / 'model-index.yml'] = yaml.safe_dump(index, sort_keys=False)
    return found
