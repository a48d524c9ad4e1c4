"""The rooms of the house: what each may import."""

import ast
import graphlib
import sys
from pathlib import Path

import pytest
from bare import python

ROOT = Path(__file__).parents[1]
STANDARD = set(sys.stdlib_module_names)
#: room -> (prefixes of what it may import beside itself and the standard library)
ROOMS = {
    'mmnystrom/core': ('torch', 'numpy', 'sklearn'),
    'mmnystrom/plugin': (
        *('torch', 'numpy', 'sklearn', 'mmengine', 'mmnystrom.core', 'mmnystrom.registry'),
        *('mmpretrain.datasets', 'mmpretrain.models', 'mmpretrain.registry'),
    ),
    'mmnystrom/bridge': (
        'mmcls',
        'mmcv',
        'mmengine',
        'mmpretrain',
        'mmrazor',
        'torch',
        'torchvision',
        'numpy',
    ),
    'mmnystrom/benchmark': (
        *('torch', 'numpy', 'sklearn', 'scipy', 'matplotlib', 'rich', 'tabulate', 'yaml'),
        'statsmodels',
        *('mmengine', 'mmpretrain', 'mmrazor'),
        *('mmnystrom.bridge', 'mmnystrom.core', 'mmnystrom.plugin', 'mmnystrom.version'),
    ),
    'mmnystrom/export': (
        *('torch', 'mmengine', 'mmpretrain', 'mmrazor', 'onnx', 'onnxruntime'),
        *('mmnystrom.plugin', 'mmnystrom.version'),
    ),
    'tests/core': ('pytest', 'torch', 'numpy', 'scipy', 'sklearn', 'mmnystrom.core'),
}
TOOLS = sorted((ROOT / 'tools').rglob('*.py'))
#: Files of the plugin that may name mmpretrain.
MMPRETRAIN = ('backbones.py', 'batched.py', 'datasets.py', 'parts.py', 'sent_config.py')


def imported(path):
    """Absolute names of the modules that a file imports, at any depth."""
    package = path.relative_to(ROOT).with_suffix('').parts[:-1]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            yield '.'.join((*base, node.module)) if node.module else '.'.join(base)


def violations(path, room):
    own = room.replace('/', '.')
    for name in imported(path):
        allowed = (own, *ROOMS[room])
        fits = any(name == prefix or name.startswith(f'{prefix}.') for prefix in allowed)
        if name.startswith('mmpretrain') and room == 'mmnystrom/plugin':
            fits = path.name in MMPRETRAIN
        if not fits and name.partition('.')[0] not in STANDARD:
            yield name


@pytest.mark.parametrize('room', ROOMS)
def test_room_imports_what_it_may(room):
    files = sorted((ROOT / room).rglob('*.py'))
    assert files
    assert {str(path): found for path in files if (found := list(violations(path, room)))} == {}


def test_core_never_names_distribution():
    for path in (ROOT / 'mmnystrom/core').rglob('*.py'):
        assert not any(name.startswith('torch.distributed') for name in imported(path))
        assert 'torch.distributed' not in path.read_text()


def test_core_does_not_speak_of_configs_of_openmmlab():
    words = (
        'Connector',
        'gt_label',
        'recorder',
        'data_idx',
        'loss_forward_mappings',
        'mmrazor',
        'mmengine',
    )
    for path in (ROOT / 'mmnystrom/core').rglob('*.py'):
        assert [word for word in words if word in path.read_text()] == [], path


def benchmark_graph(folder=ROOT / 'mmnystrom' / 'benchmark'):
    """Module of the benchmark -> the modules of the benchmark that it imports."""
    files = {
        '.'.join(path.relative_to(ROOT).with_suffix('').parts): path for path in folder.rglob('*.py')
    }
    graph = {}
    for name, path in files.items():
        found = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                base = '.'.join(name.split('.')[: -node.level] + ([node.module] if node.module else []))
                found |= {base, *(f'{base}.{alias.name}' for alias in node.names)} & set(files)
        graph[name] = found
    return graph


def test_the_benchmark_has_one_direction():
    """Plan, scheduler, evaluation, report; graphlib raises where there is a cycle."""
    order = list(graphlib.TopologicalSorter(benchmark_graph()).static_order())
    places = [order.index(f'mmnystrom.benchmark.{name}') for name in ('plan', 'scheduler', 'report')]
    assert places == sorted(places)


def test_the_package_does_not_load_the_benchmark():
    rooms = {'mmnystrom.benchmark', 'mmnystrom.export', 'tabulate'}
    script = f'import sys, mmnystrom.plugin; print(sorted({rooms} & set(sys.modules)))'
    done = python('-c', script)
    assert done.stdout.splitlines()[-1] == '[]', done.stderr


CORE_ALONE = """
import sys

for name in ('mmengine', 'mmcv', 'mmpretrain', 'mmrazor'):
    sys.modules[name] = None  # find_spec then finds nothing
import torch
from mmnystrom.core import KernelTransferLoss
loss = KernelTransferLoss(dict(type='class_center', num_landmarks=2), preset='landmark_cka')
s, t, labels = torch.randn(8, 3), torch.randn(8, 5), torch.arange(8) % 2
loss.observe(s, t, labels)
loss.refresh()
print(loss(s, t).item())
"""


def test_core_needs_nothing_of_openmmlab():
    done = python('-c', CORE_ALONE)
    assert done.returncode == 0 and 0 < float(done.stdout) < 2, done.stderr


@pytest.mark.parametrize('path', TOOLS, ids=lambda path: path.name)
def test_a_tool_is_arguments_and_one_call(path):
    text = path.read_text()
    siblings = {tool.stem for tool in TOOLS if tool.parent == path.parent}
    assert not {name.partition('.')[0] for name in imported(path)} & siblings
    assert 'noqa' not in text and len(text.splitlines()) <= 60


def test_a_violation_is_seen(tmp_path, monkeypatch):
    path = tmp_path / 'mmnystrom' / 'core' / 'bad.py'
    path.parent.mkdir(parents=True)
    path.write_text('import mmengine\nfrom ..bridge import install\nimport math, torch\n')
    monkeypatch.setattr(sys.modules[__name__], 'ROOT', tmp_path)
    assert list(violations(path, 'mmnystrom/core')) == ['mmengine', 'mmnystrom.bridge']
