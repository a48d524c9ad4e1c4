"""What the batteries share: a run that a mistake is made in, and the checkpoint of a good one."""

import re

import pytest
import torch
from support import kda_config, train


@pytest.fixture(scope='session')
def good_checkpoint(tmp_path_factory):
    """The checkpoint of a KDA run of one epoch, as a dict, and its path."""
    folder = tmp_path_factory.mktemp('good')
    train(kda_config(folder, epochs=1))
    path = folder / 'epoch_1.pth'
    return torch.load(path), path


@pytest.fixture
def said(capfd):
    """Check that words stand in what was raised or printed."""

    def check(words, error=None):
        captured = capfd.readouterr()
        text = ' '.join(f'{error} {captured.out} {captured.err}'.split())
        for pattern in words:
            assert re.search(pattern, text), f'{pattern!r} is not in: {text[-3000:]}'

    return check
