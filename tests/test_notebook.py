"""The notebook runs from its first cell to its last, and shows what it says."""

import re
import shutil

import nbformat
import pytest
from nbclient import NotebookClient
from support import ROOT

NOTEBOOK = ROOT / 'demo' / 'kda_tutorial.ipynb'


@pytest.fixture(scope='module')
def executed(tmp_path_factory):
    """The notebook, run as a user opens it: in its folder, beside the configs of the clone."""
    root = tmp_path_factory.mktemp('clone')
    (root / 'configs').symlink_to(ROOT / 'configs')
    (root / 'demo').mkdir()
    shutil.copy(NOTEBOOK, root / 'demo')
    notebook = nbformat.read(root / 'demo' / NOTEBOOK.name, as_version=4)
    resources = dict(metadata=dict(path=str(root / 'demo')))
    return NotebookClient(notebook, timeout=300, kernel_name='python3', resources=resources).execute()


def outputs(notebook, kind):
    """What the cells printed to a stream, or showed in a format."""
    found = [out for cell in notebook.cells for out in cell.get('outputs', ())]
    return [out for out in found if kind in (out.get('name'), *out.get('data', ()))]


def test_every_student_has_more_of_the_kernel_with_kda(executed):
    text = ''.join(out.text for out in outputs(executed, 'stdout'))
    found = re.findall(r'^(\w+) +top-1 ([\d.]+) +transfer ([\d.]+) +cka ([\d.]+)$', text, re.M)
    figures = {name: tuple(map(float, values)) for name, *values in found}
    assert figures['teacher'][1:] == (0.0, 1.0) and figures['teacher'][0] > 80
    assert figures['kda'][2] > figures['alone'][2] + 0.02
    assert min(figures['kda'][0], figures['alone'][0]) > 60


def test_the_kernels_are_drawn(executed):
    (picture,) = outputs(executed, 'image/png')
    assert len(picture.data['image/png']) > 10_000


def test_what_is_committed_was_run():
    """GitHub and the documentation show the outputs that are in the file."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert outputs(notebook, 'image/png')
    assert not outputs(notebook, 'stderr')
