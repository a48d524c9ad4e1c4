"""tools/train.py and tools/test.py as a user runs them."""

import re

import pytest
import torch
from support import kda_config, run_tool


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    tmp_path = tmp_path_factory.mktemp('tools')
    kda_config(tmp_path, epochs=2, log_level='INFO').dump(tmp_path / 'config.py')
    result = run_tool('train.py', tmp_path / 'config.py')
    return tmp_path, result.stdout


def test_train_with_mmrazors_own_options(trained):
    tmp_path, log = trained
    assert 'distill.loss_kda' in log
    losses = re.findall(r'Epoch\(train\) +\[2\].*distill.loss_kda: ([\d.]+)', log)
    assert len(losses) == 4
    assert all(float(loss) > 0 for loss in losses)
    assert (tmp_path / 'epoch_2.pth').is_file()


def test_test_gives_the_accuracy_of_student_and_teacher(trained, tmp_path):
    work_dir, log = trained
    result = run_tool('test.py', work_dir / 'config.py', work_dir / 'epoch_2.pth', '--work-dir', tmp_path)
    tested = re.findall(
        r'Epoch\(test\).*?\s(accuracy/top1: [\d.]+) +(teacher.accuracy/top1: [\d.]+)', result.stdout
    )
    logged = re.findall(r'Epoch\(val\).*?\s(accuracy/top1: [\d.]+) +(teacher.accuracy/top1: [\d.]+)', log)
    assert len(logged) == 1
    assert tested == logged


def test_a_checkpoint_with_code_in_it_is_refused(trained, tmp_path):
    class Code:
        def __reduce__(self):
            import os

            return os.system, (f'touch {tmp_path / "ran"}',)

    torch.save(dict(state_dict={}, meta=Code()), tmp_path / 'bad.pth')
    result = run_tool('test.py', trained[0] / 'config.py', tmp_path / 'bad.pth', check=False)
    if int(torch.__version__.split('.')[0]) >= 2:
        assert result.returncode != 0
        assert 'system' in result.stderr
        assert not (tmp_path / 'ran').exists()


def test_amp_is_not_ignored(tmp_path):
    """No wrapper type in the config: mmrazor alone would train on in float32 without a word."""
    kda_config(tmp_path, epochs=1, log_level='INFO').dump(tmp_path / 'config.py')
    text = (tmp_path / 'config.py').read_text()
    assert "type='OptimWrapper'" in text
    (tmp_path / 'config.py').write_text(text.replace("type='OptimWrapper'", ''))
    result = run_tool('train.py', tmp_path / 'config.py', '--amp', '--work-dir', tmp_path)
    assert 'AmpOptimWrapper' in result.stdout
