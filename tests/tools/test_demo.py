"""The parts of the demo that need no training run of minutes."""

import json
import sys
from argparse import Namespace

import pytest
import torch
from support import ROOT, kda_config, train

sys.path.insert(0, str(ROOT / 'tools'))
import demo  # noqa: E402
import demo_report  # noqa: E402


def test_every_method_names_a_config():
    for method, config in demo.METHODS.items():
        assert (demo.CONFIGS / config).is_file(), method
    assert set(demo_report.SHOWN) | {demo_report.BASELINE} <= set(demo.METHODS)


def test_a_finished_run_is_not_repeated_and_a_changed_one_is(tmp_path, monkeypatch):
    args = Namespace(work_dir=tmp_path)
    calls, said = [], []
    directory = demo.run_dir(args, 'student alone', 1)

    def run(command, **kwargs):
        calls.append(command)
        (directory / 'a' / 'vis_data').mkdir(parents=True, exist_ok=True)
        rows = [{'loss': 1.0}, {'accuracy/top1': 50.0}, {'accuracy/top1': 61.0}]
        text = '\n'.join(json.dumps(row) for row in rows)
        (directory / 'a' / 'vis_data' / 'scalars.json').write_text(text)
        return Namespace(returncode=0)

    monkeypatch.setattr(demo.subprocess, 'run', run)
    demo.train(args, 'student alone', 1, said.append)
    assert 'randomness.seed=1' in calls[0]
    assert '--resume' in calls[0]
    assert said[0].startswith('student alone, seed 1: top-1 61.00')
    demo.train(args, 'student alone', 1, said.append)
    assert len(calls) == 1
    assert said[1].endswith('not repeated')
    monkeypatch.setattr(demo, 'fingerprint', lambda: 'another')
    demo.train(args, 'student alone', 1, said.append)
    assert len(calls) == 2


def test_a_failed_run_shows_the_end_of_its_log(tmp_path, monkeypatch):
    def run(command, stdout, **kwargs):
        stdout.write('the real error')
        return Namespace(returncode=1)

    monkeypatch.setattr(demo.subprocess, 'run', run)
    with pytest.raises(SystemExit, match='the real error'):
        demo.train(Namespace(work_dir=tmp_path), 'teacher', 0, print)


def test_a_distillation_takes_the_teacher_of_its_seed(tmp_path):
    args = Namespace(work_dir=tmp_path)
    directory = demo.run_dir(args, 'teacher', 2)
    directory.mkdir(parents=True)
    (directory / 'last_checkpoint').write_text('/some/where/epoch_30.pth')
    assert demo.options(args, 'KD', 2) == [
        'randomness.seed=2',
        'model.teacher_ckpt=/some/where/epoch_30.pth',
    ]


def test_features_and_report(tmp_path):
    """Of a real run: features as a plain forward gives them, and a wrong log is found out."""
    cfg = kda_config(tmp_path, epochs=1)
    train(cfg)
    cfg.dump(tmp_path / 'config.py')
    runner = demo_report.finished(tmp_path, tmp_path / 'config.py', str(tmp_path / 'epoch_1.pth'))
    found, labels = demo_report.features(runner)
    student = runner.model.student
    images = torch.stack([runner.test_dataloader.dataset[i]['inputs'] for i in range(len(labels))])
    with torch.no_grad():
        pooled = student.backbone((images.float() - 78.5) / 96.2)[-1].mean((2, 3))
    torch.testing.assert_close(found['pre-FC'], pooled)
    torch.testing.assert_close(found['post-FC'], student.head.fc(pooled).detach())
    path = str(tmp_path / 'epoch_1.pth')
    with pytest.raises(SystemExit, match='its run logged 101'):
        demo_report.evaluate(
            tmp_path, {'teacher': tmp_path / 'config.py'}, {'teacher': [path]}, {'teacher': [101]}
        )


def test_table_and_picture(tmp_path):
    rows = {
        method: dict(top1=[90.0, 92.0], transfer={layer: [0.25, 0.75] for layer in demo_report.LAYERS})
        for method in demo_report.SHOWN
    }
    times = dict.fromkeys(rows, 1.05)
    lines = demo_report.table(rows, times).splitlines()
    assert len(lines) == 5
    assert len({len(line) for line in lines}) == 1
    assert '| teacher ' in lines[2] and lines[2].count(' - ') == 3
    assert '91.00 ± 1.41' in lines[3] and '0.500 ± 0.354' in lines[3] and '1.05' in lines[3]
    features = torch.rand(20, 3)
    first = {method: (features, torch.arange(20) % 10) for method in rows}
    demo_report.draw(first, rows, tmp_path / 'gram.png')
    assert (tmp_path / 'gram.png').stat().st_size > 10_000
