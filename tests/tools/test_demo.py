"""The parts of the demo that need no training run of minutes."""

import demo
import demo_report
import pytest
import torch
from runs import Method, Runs
from support import ROOT, kda_config, train


def test_every_method_names_a_config():
    for name, method in demo.demo_runs(ROOT, 1, 1).methods.items():
        assert method.config.is_file(), name
    assert set(demo_report.SHOWN) | {demo_report.BASELINE} <= set(demo.METHODS)


def test_a_distillation_takes_the_teacher_of_its_seed(tmp_path):
    runs = demo.demo_runs(tmp_path, 3, 1)
    directory = runs.run_dir('teacher', 2)
    directory.mkdir(parents=True)
    (directory / 'last_checkpoint').write_text('/some/where/epoch_30.pth')
    expected = ['randomness.seed=2', 'model.teacher_ckpt=/some/where/epoch_30.pth']
    assert runs.options('KD', 2) == expected
    assert runs.options('student alone', 2) == expected[:1]
    assert len(runs) == 21


def test_features_and_report(tmp_path, monkeypatch):
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
    runs = Runs(tmp_path, {'teacher': Method(tmp_path / 'config.py')}, 1, 1)
    monkeypatch.setattr(runs, 'checkpoint', lambda method, seed: str(tmp_path / 'epoch_1.pth'))
    monkeypatch.setattr(runs, 'logged', lambda method, seed: [50, 101])
    with pytest.raises(SystemExit, match=r'its run logged 101\.00'):
        demo_report.evaluate(runs)


def test_table_and_picture(tmp_path):
    rows = {
        method: dict(
            top1=[90.0, 92.0],
            **{x: {y: [0.25, 0.75] for y in demo_report.LAYERS} for x in demo_report.FIGURES},
        )
        for method in demo_report.SHOWN
    }
    times = dict.fromkeys(rows, 1.05)
    lines = demo_report.table(rows, times).splitlines()
    assert len(lines) == 6
    assert len({len(line) for line in lines}) == 1
    assert '| teacher ' in lines[2] and lines[2].count(' - ') == 5
    assert '91.00 ± 1.41' in lines[3] and '0.500 ± 0.354' in lines[3] and '1.05' in lines[3]
    features = torch.rand(20, 3)
    first = {method: (features, torch.arange(20) % 10) for method in rows}
    demo_report.draw(first, rows, tmp_path / 'gram.png')
    assert (tmp_path / 'gram.png').stat().st_size > 10_000
