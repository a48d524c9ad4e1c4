"""Every public class and function says what it takes, and what it is taken from."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / 'mmnystrom'
FILES = sorted(PACKAGE.rglob('*.py'))


def public(tree):
    for node in tree.body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not node.name.startswith('_'):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from public(node)


@pytest.mark.parametrize('path', FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_public_name_has_a_docstring(path):
    tree = ast.parse(path.read_text())
    exempt = ('extra_repr', 'find_spec', 'create_module', 'exec_module')
    missing = [n.name for n in public(tree) if not ast.get_docstring(n) and n.name not in exempt]
    assert missing == []
    assert ast.get_docstring(tree) or not tree.body or path.name == 'version.py'


@pytest.mark.parametrize(
    ('module', 'name', 'words'),
    [
        ('plugin/losses.py', 'KDALoss', ('Source', 'arXiv 2009.14416', 'Raises', 'Defaults')),
        ('plugin/hooks/landmark.py', 'LandmarkHook', ('Raises', 'Defaults', "authors'")),
        ('plugin/connectors.py', 'PoolConnector', ('(N, C, H, W)', 'Raises', 'Defaults')),
        ('plugin/connectors.py', 'ProjectionConnector', ('Raises', 'Defaults')),
        ('plugin/connectors.py', 'NormalizeConnector', ('Raises', 'Defaults')),
        ('plugin/datasets.py', 'Digits', ('Source', '(8, 8, 3)', 'Raises', 'Defaults')),
        (
            'plugin/hooks/kernel_monitor.py',
            'KernelMonitorHook',
            ('Corollaries', 'bytes', 'Raises', 'Defaults'),
        ),
        ('core/kernels.py', 'Kernel', ('(N, d)', '(N, M)')),
        ('core/nystrom.py', 'inverse_root', ('(m, m)', 'Corollary 1', 'Raises', 'Defaults')),
        ('core/forms.py', 'Nystrom', ('Corollary 1', 'Raises', 'Defaults')),
        ('core/landmarks/base.py', 'Landmarks', ('(m, d_S)', 'Raises', 'Defaults')),
        ('core/landmarks/class_center.py', 'ClassCenter', ('arXiv 2009.14416', 'Raises')),
        ('core/landmarks/pool.py', 'Reservoir', ('(pool_size, d_S)', 'bytes', 'Raises', 'Defaults')),
        ('core/landmarks/kmeans.py', 'KMeans', ('Zhang, Tsang and Kwok', 'Raises', 'Defaults')),
        ('core/landmarks/sampled.py', 'Leverage', ('Alaoui and Mahoney', 'Raises', 'Defaults')),
        ('core/loss.py', 'KernelTransferLoss', ('(N, d_S)', 'Corollary 2', 'Raises', 'Defaults')),
        ('core/measure.py', 'measure', ('(n, d_S)', 'Corollary 2', 'Raises', 'Defaults')),
        ('core/measure.py', 'kernel_transfer', ('(n, d_S)', 'Fig. 3', 'Raises')),
    ],
)
def test_the_main_ones_give_shapes_errors_and_source(module, name, words):
    tree = ast.parse((PACKAGE / module).read_text())
    docstring = next(ast.get_docstring(n) for n in tree.body if getattr(n, 'name', '') == name)
    assert [word for word in words if word not in docstring] == []
