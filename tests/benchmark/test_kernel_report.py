"""The report of a small finished run."""

import json
import shutil

import pytest
import torch
from mmengine.config import Config
from support import kda_config, train

from mmnystrom.benchmark import kernel_report
from mmnystrom.benchmark.errors import ResultError
from mmnystrom.benchmark.kernel_report import Curves, write_kernel_report
from mmnystrom.core import LANDMARKS, KernelTransferLoss, measure

CURVES = Curves(landmarks=(3, 8), seeds=2)


@pytest.fixture(scope='module')
def run(tmp_path_factory):
    """Two epochs, monitored; pre-FC by an rbf kernel, post-FC linear."""
    tmp_path = tmp_path_factory.mktemp('run')
    cfg = kda_config(tmp_path, 'neck-logits', 2)
    losses = cfg.model.distiller.distill_losses
    losses.loss_kda_neck = losses.pop('loss_kda')
    mappings = cfg.model.distiller.loss_forward_mappings
    mappings.loss_kda_neck = mappings.pop('loss_kda')
    losses.loss_kda_neck.kernel = dict(type='rbf', gamma='median')
    for loss in losses.values():
        loss.loss_weight = 1e-3
    cfg.custom_hooks.append(dict(type='KernelMonitorHook'))
    cfg.train_cfg.val_interval = 1
    runner, _ = train(cfg)
    cfg.dump(tmp_path / 'config.py')
    return tmp_path, runner


@pytest.fixture(scope='module')
def report(run):
    folder, _ = run
    checkpoints = [folder / f'epoch_{epoch}.pth' for epoch in (1, 2)]
    files = folder / 'config.py', checkpoints, folder / 'out'
    return folder / 'out', *write_kernel_report(*files, samples=40, curves=CURVES)


def test_report(run, report):
    out, text, found = report
    assert set(found['losses']) == {'loss_kda_neck', 'loss_kda_logits'}
    labels = ('kda_neck', 'kda_logits')
    names = ('gram', 'spectra', 'nystrom_error', 'transfer')
    for picture in (out / f'{label}_{name}.png' for label in labels for name in names):
        assert picture.stat().st_size > 10_000, picture
    assert json.loads((out / 'report.json').read_text())['images'] == 40
    assert (out / 'report.md').read_text().strip() == text
    assert '## loss_kda_neck' in text

    # All forty images, so that it is what the run itself logged.
    rows = [json.loads(x) for x in next(run[0].glob('*/vis_data/scalars.json')).read_text().splitlines()]
    logged = [row for row in rows if 'kernel/kda_neck/transfer' in row]
    for epoch, row in enumerate(logged, 1):
        for figure in ('transfer', 'cka', 'bound_partial', 'nystrom_error_teacher', 'landmarks'):
            checkpoint = str(run[0] / f'epoch_{epoch}.pth')
            ours = found['losses']['loss_kda_neck'][checkpoint][figure]
            assert ours == pytest.approx(row[f'kernel/kda_neck/{figure}'], rel=1e-4)
    curve = kernel_report.logged_curve(run[0], 'kda_neck')
    assert curve == {epoch: row['kernel/kda_neck/transfer'] for epoch, row in enumerate(logged, 1)}


def test_checkpoints_of_several_runs_and_of_the_same_epoch(run, tmp_path):
    """None takes another's place."""
    for folder in ('a', 'b'):
        (tmp_path / folder).mkdir()
        shutil.copy(run[0] / 'epoch_2.pth', tmp_path / folder / 'epoch_2.pth')
    paths = [str(tmp_path / folder / 'epoch_2.pth') for folder in ('a', 'b')]
    curves = Curves(landmarks=(3,), kernels=('linear',), seeds=1)
    _, found = write_kernel_report(run[0] / 'config.py', paths, tmp_path, samples=40, curves=curves)
    assert set(found['losses']['loss_kda_neck']) == set(paths)
    table = (tmp_path / 'report.md').read_text().splitlines()
    assert [[x.strip() for x in line.split('|')[1:3]] for line in table[4:6]] == [['a', '2'], ['b', '2']]


def test_gamma_without_landmarks_is_found_in_the_features():
    torch.manual_seed(0)
    pair = torch.randn(20, 4), torch.randn(20, 6)
    spec = dict(type='class_center', num_landmarks=5)
    loss = KernelTransferLoss(spec, dict(type='rbf', gamma='median'))
    kernels = kernel_report.fitted_kernels(loss, pair)
    assert [kernel.gamma for kernel in kernels] == [loss.kernel.fit(x).gamma for x in pair]
    loss.landmarks.observe(*pair, torch.arange(20) % 5)
    loss.refresh()
    kernels = kernel_report.fitted_kernels(loss, pair)
    assert [kernel.gamma for kernel in kernels] == [k.gamma for k in loss.fitted_kernels()]


def test_steps_are_counted_as_the_run_counts():
    for loop, unit in ((dict(by_epoch=True), 'epoch'), (dict(type='IterBasedTrainLoop'), 'iter')):
        assert kernel_report.unit_of(Config(dict(train_cfg=loop))) == unit


def test_every_strategy_is_compared(report):
    _, _, found = report
    for kernel in ('linear', 'rbf'):
        rows = found['errors']['loss_kda_neck'][kernel]
        assert set(rows) == set(LANDMARKS)
        assert {m for row in rows.values() for m in row} == {3, 8, 10}
        assert len(rows['kmeans'][8]['nystrom_error_teacher']) == 2
        for row in rows.values():
            for m, figures in row.items():
                for values in figures.values():
                    assert all(0 <= value < 1 for value in values), (kernel, m)
    # The classifiers' rows are not landmarks of their own output.
    assert 'classifier' not in found['errors']['loss_kda_logits']['linear']


def test_errors_are_those_of_the_landmarks_chosen():
    torch.manual_seed(0)
    pair, labels = (torch.randn(50, 4), torch.randn(50, 6)), torch.arange(50) % 5
    wanted = Curves(landmarks=[3], kernels=['linear'], seeds=1, tile=16)
    curves = kernel_report.error_curves(pair, labels, None, wanted)['linear']
    means = [torch.stack([x[labels == j].mean(0) for j in range(5)]) for x in pair]
    expected = measure(*pair, landmarks=means)['nystrom_error_teacher']
    assert curves['class_center'][5]['nystrom_error_teacher'] == [pytest.approx(expected, rel=1e-4)]
    fixed = [x[[0, 16, 32]] for x in pair]
    expected = measure(*pair, landmarks=fixed)['nystrom_error_student']
    assert curves['fixed'][3]['nystrom_error_student'] == [pytest.approx(expected, rel=1e-4)]
    assert 'classifier' not in curves


def test_error_table():
    curves = {'linear': {'a': {3: {'e': [0.2, 0.4]}, 10: {'e': [0.1]}}, 'b': {3: {'e': [0.25, 0.25]}}}}
    lines = kernel_report.error_table(curves, 'e', [3, 10]).splitlines()
    assert [cell.strip() for cell in lines[0].split('|')[3:5]] == ['m = 3', 'm = 10']
    assert '30.00 ± 14.14' in lines[2]
    assert '**10.00**' in lines[2]
    assert '**25.00 ± 0.00**' in lines[3]
    assert lines[3].split('|')[4].strip() == '-'


def test_without_a_kda_loss(run, tmp_path):
    cfg = Config.fromfile(run[0] / 'config.py')
    cfg.model.distiller.distill_losses = dict()
    cfg.model.distiller.loss_forward_mappings = dict()
    torch.save(
        dict(state_dict=train(copy_of(cfg, tmp_path))[0].model.state_dict(), meta=dict(epoch=1)),
        tmp_path / 'a.pth',
    )
    cfg.dump(tmp_path / 'config.py')
    with pytest.raises(ResultError, match='has no KDALoss'):
        write_kernel_report(tmp_path / 'config.py', [tmp_path / 'a.pth'], tmp_path)


def copy_of(cfg, tmp_path):
    cfg = cfg.copy()
    cfg.work_dir = str(tmp_path)
    cfg.train_cfg.max_epochs = 1
    cfg.custom_hooks = []
    return cfg
