"""A project: from images of any size and kind in folders to a student, by the commands of its README."""

import re

import cv2
import numpy as np
import pytest
import torch
import torchvision
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain import get_model
from mmpretrain.registry import MODELS
from support import CONFIGS, ROOT, run_tool, run_warm

from mmnystrom.benchmark.buildable import check_builds
from mmnystrom.benchmark.compare import suite_scheduler
from mmnystrom.benchmark.errors import SuiteError
from mmnystrom.benchmark.options import Options
from mmnystrom.benchmark.project import ProjectError, new_project

TEMPLATE = CONFIGS / 'tutorial' / 'project'
GUIDE = ROOT / 'docs' / 'en' / 'guides' / 'own_images.md'
CLASSES = ('ant', 'bee', 'cat')
#: Rows of the guide's table: layer, where labels go, and the name of a model.
LAYERS = re.findall(r'^\|[^|]+\| `([\w.]+)` \| `([\w.]+)` \| `([\w.-]+)` \|$', GUIDE.read_text(), re.M)


def pictures(root, train=10, val=4):
    """Class folders of mixed sizes and kinds, one in grey; classes differ in their colour."""
    rng = np.random.default_rng(0)
    for split, number in (('train', train), ('val', val)):
        for label, name in enumerate(CLASSES):
            folder = root / split / name
            folder.mkdir(parents=True)
            for i in range(number):
                size = rng.integers(20, 90, 2)
                image = rng.integers(0, 120, (*size, 3), dtype=np.uint8)
                image[..., label] += 120
                kind = ('png', 'jpg', 'JPG', 'jpeg')[i % 4]
                cv2.imwrite(str(folder / f'{i}.{kind}'), image[..., 0] if i == 3 else image)
    return root


def set_settings(folder, **values):
    file = folder / 'settings.py'
    text = file.read_text()
    for key, value in values.items():
        text, times = re.subn(rf'^{key} = .*$', f'{key} = {value}', text, flags=re.M)
        assert times == 1, key
    file.write_text(text)


@pytest.fixture(scope='module')
def project(tmp_path_factory):
    """A project of small images, two epochs long, whose teacher is trained."""
    root = tmp_path_factory.mktemp('project')
    said = run_tool('new_project.py', 'ants', cwd=root).stdout
    assert 'ants/settings.py' in said and 'ants/README.md' in said
    pictures(root / 'pictures')
    set_settings(
        root / 'ants',
        data_root=repr('pictures'),
        image_size=32,
        batch_size=6,
        num_workers=0,
        **{'teacher, student': "'mobilenet_v2', 'mobilenet_v3'", 'teacher_epochs, epochs': '2, 2'},
    )
    run_tool('train.py', 'ants/teacher.py', cwd=root)
    return root


def test_the_student_classifies_a_picture_by_the_lines_of_the_readme(project):
    result = run_tool('train.py', 'ants/kda.py', cwd=project)
    assert 'teacher.accuracy/top1' in result.stdout and 'distill.loss_kda' in result.stdout
    run_tool('export_student.py', 'work_dirs/ants/kda/epoch_2.pth', '--onnx', cwd=project)
    code = re.search(r'^```python\n(.*?)^```$', (project / 'ants/README.md').read_text(), re.M | re.S)
    script = project / 'classify.py'
    picture = next((project / 'pictures' / 'val' / 'bee').glob('*.jpg'))
    script.write_text(code.group(1).replace('some.jpg', str(picture)))
    result = run_warm([str(script)], project)
    assert result.stdout.strip().endswith(CLASSES), result.stderr[-3000:]


def test_the_suite_names_every_method_and_all_build(project, monkeypatch):
    monkeypatch.chdir(project)
    plan = suite_scheduler(Options('ants/suite.py'))[0].plan
    assert list(plan.methods) == ['student alone', 'KD', 'KDA', 'KDA + KD']
    assert str(plan.work_dir) == 'work_dirs/ants/benchmark'
    assert plan.teacher == str(project / 'work_dirs' / 'ants' / 'teacher' / 'epoch_2.pth')
    check_builds(plan)


def test_a_teacher_that_is_not_trained_is_named(project, tmp_path):
    new_project(tmp_path / 'bees')
    set_settings(tmp_path / 'bees', data_root=repr(str(project / 'pictures')))
    with pytest.raises(SuiteError, match=r'work_dirs/bees/teacher/epoch_100\.pth.*train it first'):
        suite_scheduler(Options(str(tmp_path / 'bees' / 'suite.py')))


@pytest.mark.parametrize('change', ['missing', 'odd'])
def test_folders_that_do_not_fit_are_named(change, tmp_path):
    pictures(tmp_path / 'pictures', 1, 1)
    new_project(tmp_path / 'ants')
    place = tmp_path / 'pictures' if change == 'odd' else tmp_path / 'nowhere'
    set_settings(tmp_path / 'ants', data_root=repr(str(place)))
    (tmp_path / 'pictures' / 'val' / 'dog').mkdir()
    message = {'missing': 'set data_root', 'odd': 'have other classes: dog'}[change]
    with pytest.raises(ValueError, match=message):
        Config.fromfile(tmp_path / 'ants' / 'kda.py')


def test_a_folder_that_is_there_and_a_bad_name_are_refused(tmp_path):
    new_project(tmp_path / 'ants')
    with pytest.raises(ProjectError, match='is there already'):
        new_project(tmp_path / 'ants')
    with pytest.raises(ProjectError, match='letters'):
        new_project(tmp_path / 'my ants')


@pytest.mark.parametrize(('teacher_epochs', 'epochs'), [(1, 1), (19, 20), (100, 60)])
def test_the_schedules_of_teacher_and_student(teacher_epochs, epochs, tmp_path):
    pictures(tmp_path / 'pictures', 1, 1)
    new_project(tmp_path / 'ants')
    set_settings(
        tmp_path / 'ants',
        data_root=repr(str(tmp_path / 'pictures')),
        **{'teacher_epochs, epochs': f'{teacher_epochs}, {epochs}'},
    )
    for name, whole in (('teacher', teacher_epochs), ('student', epochs), ('kda', epochs)):
        cfg = Config.fromfile(tmp_path / 'ants' / f'{name}.py')
        assert cfg.train_cfg.max_epochs == whole and 1 <= cfg.train_cfg.val_interval <= whole
        *first, last = cfg.param_scheduler
        assert len(first) == (whole >= 20) and (last.end, last.T_max) == (whole, whole - whole // 20)
        assert last.begin == (first[0].end if first else 0) == whole // 20


@pytest.mark.parametrize('source', ['torchvision', 'mmpretrain'])
def test_weights_to_begin_with(source, tmp_path):
    """A file as torchvision's, and a whole classifier as mmpretrain's zoo has them."""
    original = torchvision.models.resnet18()
    state = original.state_dict()
    if source == 'mmpretrain':
        state = dict(state_dict={f'backbone.{name}': value for name, value in state.items()})
    torch.save(state, tmp_path / 'weights.pth')
    init = dict(checkpoint=str(tmp_path / 'weights.pth'))
    if source == 'mmpretrain':
        init['prefix'] = 'backbone.'
    pictures(tmp_path / 'pictures', 1, 1)
    new_project(tmp_path / 'ants')
    set_settings(
        tmp_path / 'ants',
        data_root=repr(str(tmp_path / 'pictures')),
        **{'teacher, student': "'resnet18', 'resnet18'", 'teacher_init, student_init': f'{init}, {init}'},
    )
    cfgs = [Config.fromfile(tmp_path / 'ants' / f'{name}.py') for name in ('teacher', 'student', 'kda')]
    assert cfgs[0].optim_wrapper.optimizer.lr == pytest.approx(0.1 * 0.1 * 32 / 256)
    models = [cfgs[0].model, cfgs[1].model, cfgs[2].model.architecture]
    for model in models:
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            net = MODELS.build(model)
        net.init_weights()
        for name, value in original.state_dict().items():
            if not name.startswith('fc.'):
                assert torch.equal(net.backbone.state_dict()[name], value), name


def recorded(net, layer, size, labels_at='head.loss_module'):
    """What enters and leaves a layer in a training step, and what enters the loss."""
    found = {}
    handles = [
        net.get_submodule(name).register_forward_hook(
            lambda module, inputs, output, name=name: found.update({name: (inputs, output)})
        )
        for name in (layer, labels_at)
    ]
    samples = [dict(inputs=torch.zeros(3, *size, dtype=torch.uint8)) for _ in range(2)]
    data = net.data_preprocessor(dict(inputs=[s['inputs'] for s in samples]), training=True)
    from mmpretrain.structures import DataSample

    with torch.no_grad():
        net.train()(data['inputs'], [DataSample().set_gt_label(1) for _ in samples], mode='loss')
    for handle in handles:
        handle.remove()
    return found[layer], found[labels_at]


def check_layer(net, layer, labels_at, size, num_classes):
    (inputs, output), (of_loss, _) = recorded(net, layer, size, labels_at)
    last = net.get_submodule(layer)
    assert inputs[0].ndim == 2 and output.shape == (2, num_classes)
    torch.testing.assert_close(output, inputs[0] @ last.weight.T + last.bias)  # nothing comes after it
    assert of_loss[0] is output or torch.equal(of_loss[0], output)
    assert of_loss[1].tolist() == [1, 1]


@pytest.mark.parametrize('size', [32, 96])
@pytest.mark.parametrize(
    'name', re.findall(r'^    (\w+)=dict\($', (TEMPLATE / 'networks.py').read_text(), re.M)
)
def test_a_network_and_its_layer(name, size, tmp_path):
    if name.startswith('timm'):
        pytest.importorskip('timm')
    pictures(tmp_path / 'pictures', 1, 1)
    new_project(tmp_path / 'ants')
    set_settings(tmp_path / 'ants', data_root=repr(str(tmp_path / 'pictures')), image_size=size)
    cfg = Config.fromfile(tmp_path / 'ants' / 'base.py')
    network = cfg.networks[name]
    layer = network.pop('layer')
    network.pop('optimizer')
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        net = MODELS.build(dict(type='ImageClassifier', **network))
        check_layer(net, layer, 'head.loss_module', (size, size), len(CLASSES))


@pytest.mark.parametrize(('layer', 'labels_at', 'name'), LAYERS, ids=[name for *_, name in LAYERS])
def test_the_layer_of_a_family(layer, labels_at, name):
    net = get_model(name)
    check_layer(net, layer, labels_at, (224, 224), 1000)


def test_the_layer_of_a_timm_classifier():
    timm = pytest.importorskip('timm')
    net = MODELS.build(
        dict(type='TimmClassifier', model_name='resnet18', loss=dict(type='CrossEntropyLoss'))
    )
    assert net.model.get_classifier() is net.get_submodule('model.fc')
    assert timm.create_model('convnext_atto').default_cfg['classifier'] == 'head.fc'
    check_layer(net, 'model.fc', 'loss_module', (224, 224), 1000)


def test_the_table_has_every_family():
    assert len(LAYERS) == 9
