"""From class folders and a teacher to an exported student, as the README's tutorial goes."""

import importlib.util
import json
import re

import mmcv
import mmpretrain
import numpy as np
import pytest
import torch
from bare import python
from mmengine.config import Config
from mmpretrain import get_model
from sklearn.datasets import load_digits
from support import CONFIGS, call_tool, kda_config, run_tool, train

from mmnystrom import export
from mmnystrom.export.config import student_config

CLASSES = ('five', 'four', 'six')  # as folders are sorted


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """The tutorial's config with its values changed, trained for an epoch on digits as PNG files."""
    root = tmp_path_factory.mktemp('tutorial')
    digits = load_digits()
    for name, digit in zip(CLASSES, (5, 4, 6), strict=True):
        images = digits.images[digits.target == digit]
        for split, part in (('train', images[:8]), ('test', images[100:104])):
            for i, image in enumerate(part):
                large = np.kron(image * 15, np.ones((8, 8))).astype(np.uint8)
                # Unlike channels, so that their order counts.
                colored = np.stack([large, 255 - large, large // 2], axis=-1)
                mmcv.imwrite(colored, str(root / 'images' / split / name / f'{i}.png'))
    teacher = get_model('resnet34_8xb32_in1k', pretrained=False, head=dict(num_classes=3))
    torch.save(dict(state_dict=teacher.state_dict()), root / 'teacher.pth')
    text = (CONFIGS / 'tutorial' / 'class_folders.py').read_text()
    for old, new in {
        'num_classes = 37': 'num_classes = 3',
        "'data/my_images'": repr(str(root / 'images')),
        "'my_teacher.pth'": repr(str(root / 'teacher.pth')),
        'max_epochs = 100': 'max_epochs = 1',
        'batch_size = 64': 'batch_size = 12',
    }.items():
        assert old in text
        text = text.replace(old, new)
    text += '\ntrain_dataloader.update(num_workers=0)\nval_dataloader.update(num_workers=0)\n'
    text += "custom_hooks = [dict(type='LandmarkHook', warmup_epochs=0)]\n"
    (root / 'my_config.py').write_text(text)
    result = run_tool('train.py', root / 'my_config.py', '--work-dir', root / 'run')
    return root, result.stdout


def logged(text, kind):
    line = re.findall(rf'Epoch\({kind}\).*accuracy/top1.*', text)[-1]
    return {name: float(value) for name, value in re.findall(r'(\S*accuracy/top1): +([\d.]+)', line)}


def test_the_test_tool_gives_student_and_teacher(trained):
    root, log = trained
    result = run_tool(
        'test.py', root / 'my_config.py', root / 'run' / 'epoch_1.pth', '--work-dir', root / 't'
    )
    found = logged(result.stdout, 'test')
    assert set(found) == {'accuracy/top1', 'teacher.accuracy/top1'}
    assert found == logged(log, 'val')


STOCK = """
import sys
from pathlib import Path
from mmpretrain import ImageClassificationInferencer
inferencer = ImageClassificationInferencer({config!r}, pretrained={weights!r}, device='cpu')
files = sorted(Path({images!r}).glob('*/*.png'))
found = inferencer([str(file) for file in files], batch_size=4)
right = sum(one['pred_class'] == file.parent.name for one, file in zip(found, files))
assert 'mmnystrom' not in sys.modules
print('top-1', 100 * right / len(files), found[0]['pred_scores'].tolist())
"""


def test_stock_mmpretrain_gives_the_accuracy_of_the_run(trained, capsys):
    root, log = trained
    checkpoint = root / 'run' / 'epoch_1.pth'
    call_tool('export_student.py', checkpoint)
    assert '100.0 % of the predictions the same' in capsys.readouterr().out
    places = dict(
        config=str(root / 'run/student/student.py'), weights=str(root / 'run/student/student.pth')
    )
    script = STOCK.format(**places, images=str(root / 'images' / 'test'))
    done = python('-c', script)
    assert done.returncode == 0, done.stderr[-3000:]
    expected = logged(log, 'val')['accuracy/top1']
    assert float(re.search(r'top-1 ([\d.]+)', done.stdout).group(1)) == pytest.approx(expected, abs=0.01)
    tool = f'{mmpretrain.__path__[0]}/.mim/tools/test.py'
    done = python(tool, places['config'], places['weights'], '--work-dir', root / 'm')
    assert done.returncode == 0, done.stderr[-3000:]
    assert logged(done.stdout, 'test')['accuracy/top1'] == pytest.approx(expected, abs=0.01)


def test_loads_without_being_trusted(trained):
    root, _ = trained
    if not (root / 'run' / 'student').exists():
        export.export_student(root / 'run' / 'epoch_1.pth')
    if hasattr(torch.serialization, 'safe_globals'):
        found = torch.load(root / 'run' / 'student' / 'student.pth', weights_only=True)
        assert found['meta']['dataset_meta']['classes'] == list(CLASSES)
        assert not any(key.startswith(('teacher', 'architecture')) for key in found['state_dict'])


@pytest.fixture(scope='module')
def digits_run(tmp_path_factory):
    root = tmp_path_factory.mktemp('digits')
    train(kda_config(root, epochs=1))
    return root / 'epoch_1.pth'


def test_other_forms(digits_run, capsys):
    """ONNX, TorchScript and torch.export, each for another batch size than it was traced with."""
    pytest.importorskip('onnxruntime')
    forms = ['--onnx', '--torchscript'] + (['--torch-export'] if hasattr(torch, 'export') else [])
    call_tool('export_student.py', digits_run, *forms, '--images', '7')
    out = capsys.readouterr().out
    assert out.count('100.0 % of the predictions the same') == 1 + len(forms)
    onnx = pytest.importorskip('onnx').load(str(digits_run.parent / 'student' / 'student.onnx'))
    found = {entry.key: entry.value for entry in onnx.metadata_props}
    assert json.loads(found['class_names']) == [str(digit) for digit in range(10)]
    assert (found['input_size'], found['input_range']) == ('8x8', '0 to 255')
    assert found['channel_order'] == 'as the data set gives it'
    assert 'test data set is one that mmpretrain does not have by itself' in out
    cfg = Config.fromfile(digits_run.parent / 'student' / 'student.py')
    assert cfg.custom_imports == dict(imports=['mmnystrom'], allow_failed_imports=True)


def test_an_export_that_differs_is_no_export(digits_run, monkeypatch, tmp_path):
    def wrong(model, images, path):
        return lambda x: model(x) + 1

    monkeypatch.setitem(export.FORMS, 'torchscript', ('wrong.pt', wrong))
    with pytest.raises(export.ExportError, match=r'wrong\.pt differs from the original by 1'):
        export.export_student(digits_run, tmp_path, forms=['torchscript'])


def test_forms_that_cannot_be_written(digits_run, tmp_path, monkeypatch):
    with pytest.raises(export.ExportError, match="'tflite' is unknown: write one of"):
        export.export_student(digits_run, tmp_path, forms=['tflite'])
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None if 'onnx' in name else find(name))
    with pytest.raises(export.ExportError, match=r"pip install 'mmnystrom\[export\]'"):
        export.export_student(digits_run, tmp_path, forms=['onnx'])
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_exported(digits_run, tmp_path, capsys):
    with pytest.raises(SystemExit):
        call_tool('export_student.py', tmp_path / 'none.pth')
    assert 'does not exist' in capsys.readouterr().err
    plain = dict(
        state_dict={'backbone.x': torch.zeros(1)}, meta=dict(cfg="model = dict(type='ImageClassifier')")
    )
    torch.save(plain, tmp_path / 'plain.pth')
    with pytest.raises(SystemExit, match='not of a distillation'):
        call_tool('export_student.py', tmp_path / 'plain.pth')
    torch.save(dict(state_dict=plain['state_dict']), tmp_path / 'bare.pth')
    with pytest.raises(SystemExit, match='holds no config'):
        call_tool('export_student.py', tmp_path / 'bare.pth')


def test_scopes_are_taken_off_and_preprocessors_translated():
    cfg = Config(
        dict(
            model=dict(
                data_preprocessor=dict(
                    type='ImgDataPreprocessor', mean=[1, 2, 3], std=[4, 5, 6], bgr_to_rgb=True
                ),
                architecture=dict(cfg_path='mmcls::resnet/resnet18_8xb16_cifar10.py', pretrained=False),
            ),
            test_dataloader=dict(
                dataset=dict(type='mmcls.CIFAR10', pipeline=[dict(type='mmcls.PackInputs')])
            ),
            test_evaluator=[dict(_scope_='mmcls', type='Accuracy')],
        )
    )
    found = student_config(cfg)
    assert found.data_preprocessor == dict(
        type='ClsDataPreprocessor', mean=[1, 2, 3], std=[4, 5, 6], to_rgb=True
    )
    assert found.model.backbone.type == 'ResNet_CIFAR'
    assert 'mmcls' not in found.pretty_text and 'custom_imports' not in found
