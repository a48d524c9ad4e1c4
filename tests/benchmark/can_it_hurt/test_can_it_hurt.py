"""The tables that say whether KDA can hurt: its plan, a small run, going on, and what is reported."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from mmengine.config import Config
from mmpretrain.registry import MODELS
from PIL import Image
from support import CONFIGS

from mmnystrom.benchmark.can_it_hurt import plan, report, runs, tutorial
from mmnystrom.plugin import KDALoss

PAIR = 'resnet18-w16_resnet18-w8_1xb32-40e_digits'


@pytest.mark.parametrize(
    ('file', 'arguments'),
    [
        (f'distill/mmpretrain/kda/kda_centered_neck_{PAIR}.py', plan.CENTERED),
        (f'distill/mmpretrain/kda/kda_neck_{PAIR}.py', plan.TURNED),
        ('tutorial/class_folders.py', plan.TURNED),
    ],
)
def test_what_is_trained_is_what_the_configs_have(file, arguments):
    loss = Config.fromfile(CONFIGS / file).model.distiller.distill_losses.loss_kda
    assert {key: loss[key] for key in arguments} == arguments


def test_the_plan():
    students = plan.table(3)
    settings = {run.key.rsplit(' | ', 2)[0] for run in students}
    for pair in ('ResNet to ResNet', 'DeiT to ResNet', 'ConvNeXt to MobileNetV2'):
        assert any(pair in setting for setting in settings)
    for part in ('| 32 |', '| 256 |', '| 1/3', '| 3'):
        assert any(part in setting for setting in settings)
    assert {run.seed for run in students} == {0, 1, 2}
    # What does not look at features is not run again where only their scale is another.
    assert not any(run.method in ('student alone', 'KD') for run in students if run.scale != 1)
    for method in {**plan.METHODS, **plan.CANDIDATES}.values():
        if method.kda:
            arguments = dict(method.kda)
            if 'landmarks' in arguments:
                arguments['landmarks'] = dict(arguments['landmarks'], num_landmarks=100)
            KDALoss(**arguments)


@pytest.fixture(scope='module')
def small(tmp_path_factory):
    """Digits for two epochs, 40 images, and a teacher that has seen them once."""
    tmp_path = tmp_path_factory.mktemp('small')
    real = runs.images
    with pytest.MonkeyPatch.context() as patch:
        data = runs.Data(10, 2, 0, 4, 'Digits', 1)
        patch.setitem(runs.DATA, 'Digits', data)
        patch.setattr(runs, 'images', lambda *args: real(*args).get_subset(list(range(40))))
        found = runs.train_teacher('Digits', 'ResNet', tmp_path)
        assert 0 <= found['top1'] <= 100
        yield tmp_path


@pytest.mark.parametrize('method', plan.METHODS)
def test_a_student_is_trained_by_every_method(small, method):
    run = runs.Run('Digits', 'ResNet', 'ResNet', 16, 1 / 3, method, 0)
    found = runs.train_student(run, plan.METHODS[method], small)
    assert 0 <= found['top1'] <= 100
    assert ('gradient_ratio' in found) == ('KDA' in method)


def test_a_teacher_of_other_length_says_the_same(small):
    """Features times 3, the classifier's weights by 3: the same logits."""
    outputs = []
    for scale in (1.0, 3.0):
        run = runs.Run('Digits', 'ResNet', 'ResNet', 16, scale, 'KD', 0)
        cfg = runs.network('ResNet', runs.TEACHERS, 10, scale=scale)
        model = MODELS.build(dict(cfg, _scope_='mmpretrain')).eval()
        model.load_state_dict(runs.teacher_state(run, small))
        torch.manual_seed(0)
        images = torch.randn(2, 3, 32, 32)
        outputs.append((model.extract_feat(images)[-1], model.head(model.extract_feat(images))))
    torch.testing.assert_close(outputs[1][0], 3 * outputs[0][0])
    torch.testing.assert_close(outputs[1][1], outputs[0][1], rtol=1e-4, atol=1e-5)


def task(what, number):
    return what, dict, [('top1', number)]


def test_it_goes_on_where_it_was_stopped_and_repeats_what_has_changed(tmp_path, monkeypatch):
    # A process takes seconds to import everything; what is tested here is what is called.
    monkeypatch.setattr(plan, 'ProcessPoolExecutor', lambda jobs, *more: ThreadPoolExecutor(jobs))
    path = tmp_path / 'results.json'
    first = plan.in_processes(1, {'a': task('plain', 2.0)}, path)
    assert first == {'a': dict(top1=2.0, of='plain')}
    tasks = {'a': task('plain', 18.0), 'b': task('plain', 4.0)}
    assert plan.in_processes(1, tasks, path)['a']['top1'] == 2.0  # not again
    tasks['a'] = task('another weight', 18.0)
    found = plan.in_processes(1, tasks, path)
    assert found == {'a': dict(top1=18.0, of='another weight'), 'b': dict(top1=4.0, of='plain')}


def test_a_table_has_the_runs_of_its_part(tmp_path, monkeypatch):
    """All parts share a file of results."""
    trained = dict(top1=50.0, gradient_ratio=[1.0])
    monkeypatch.setattr(
        plan, 'in_processes', lambda jobs, tasks, path: done.update(dict.fromkeys(tasks, trained)) or done
    )
    done = {}
    swept = plan.can_it_hurt('weights', tmp_path, 3, 1)
    assert 'landmark_cka 30' in swept
    chosen = plan.can_it_hurt('choose', tmp_path, 2, 1)
    assert 'landmark_cka 1, rbf' in chosen and 'landmark_cka 30' not in chosen and 'cka 3' in chosen
    assert json.loads((tmp_path / 'can_it_hurt.json').read_text())['results'] == done


def results(centred):
    found = {}
    for seed, wiggle in enumerate((0.0, 0.5, -0.5)):
        values = {'student alone': 50, 'KD': 55, 'KDA as published': 40, 'KDA centred': centred}
        for method, value in {**values, 'KDA centred + KD': 56}.items():
            key = f'Digits | ResNet to ResNet | 64 | 1 | {method} | {seed}'
            found[key] = dict(top1=value + wiggle, gradient_ratio=[0.5], of=None)
    return found


@pytest.mark.parametrize(('centred', 'verdict'), [(52, 'none'), (48, 'Digits ResNet to ResNet 64 1')])
def test_the_table_says_what_hurts(centred, verdict):
    text = report.report('table', results(centred))
    assert f'beyond the interval: {verdict}.' in text
    assert f'{centred - 50:+.1f} [' in text


@pytest.mark.parametrize(
    ('part', 'form'), [('stronger', 'landmark_cka 10'), ('correlated', 'correlated 10')]
)
def test_one_form_on_the_settings_of_the_table(part, form):
    parts = ('table', 'weights', part)
    runs_of = {name: plan.PARTS[name](2) for name in parts}
    settings = {name: {run.key.rsplit(' | ', 2)[0] for run in found} for name, found in runs_of.items()}
    assert settings[part] == {x for x in settings['table'] if x.endswith('| 1')}
    for run, method in runs_of[part].items():  # what is the same is trained once
        assert method == runs_of['table'].get(run, method) == runs_of['weights'].get(run, method)
    assert sum('post-FC' in run.method for run in runs_of[part]) == 2 * 2  # pairs, seeds
    assert {run.method for run in runs_of[part]} >= {'student alone', 'KD', form, f'{form} + KD'}
    found = results(52)
    for seed in range(3):
        for method, value in {form: 48, f'{form} + KD': 57}.items():
            found[f'Digits | ResNet to ResNet | 64 | 1 | {method} | {seed}'] = dict(top1=value + seed)
    text = report.report(part, found)
    assert 'interval: none.' in text and '| -1.0 [-' in text and '| +3.0 [' in text
    for seed in range(3):
        found[f'Digits | ResNet to ResNet | 64 | 1 | {form} | {seed}']['top1'] -= seed + 1
    assert 'interval: Digits ResNet to ResNet 64 1.' in report.report(part, found)


def test_the_weight_10_of_two_parts_is_trained_once():
    runs_of = {part: plan.PARTS[part](2) for part in ('weights', 'stronger')}
    run = next(run for run in runs_of['weights'] if run.method == 'landmark_cka 10')
    assert runs_of['stronger'][run] == runs_of['weights'][run]


def test_the_tutorials_file_is_used_as_it_says(tmp_path, monkeypatch):
    """Copied, its first lines changed; class folders of a user's own."""
    for split in ('train', 'test'):
        for name in ('a', 'b', 'c'):
            folder = tmp_path / 'data' / split / name
            folder.mkdir(parents=True)
            for i in range(4):
                Image.new('RGB', (32, 32), (i * 40, 90, 200)).save(folder / f'{i}.png')
    monkeypatch.setattr(tutorial, 'DATA', tmp_path / 'data')
    monkeypatch.setattr(tutorial, 'CLASSES', 3)
    for method, added in tutorial.METHODS.items():
        cfg = tutorial.config(method, tmp_path, 8, 2, added or '')
        losses = cfg.model.distiller.distill_losses
        assert ('loss_kl' in losses) == ('KD' in method.split(' '))
        assert cfg.custom_hooks == [dict(type='LandmarkHook', warmup_epochs=0)]
        for name, arguments in {'centred': plan.CENTERED, 'correlated': plan.TURNED}.items():
            if name in method:
                landmarks = dict(type='class_center', num_landmarks=3)
                assert losses.loss_kda == dict(type='KDALoss', landmarks=landmarks, **arguments)
    images = list((tmp_path / 'images-2').rglob('*.png'))
    assert len(images) == 3 * (2 + 4)
