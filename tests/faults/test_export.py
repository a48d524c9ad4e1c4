"""Files that somebody sent, given to the export: a row is one and the words it ends in."""

import copy
import sys

import pytest
import torch
from mmengine.config import Config
from support import call_tool


def text_with(line):
    """The text of a config in a checkpoint, with one more line."""

    def change(checkpoint):
        checkpoint['meta']['cfg'] += f'\n{line}\n'

    return change


def changed(**entries):
    def change(checkpoint):
        checkpoint.update(entries)

    return change


def meta(**entries):
    def change(checkpoint):
        checkpoint['meta'].update(entries)

    return change


RUNS_CODE = "__import__('os').system('touch {target}')"
EXPORTS = {
    'a call': (
        text_with(f'x = {RUNS_CODE}'),
        r'its config, line \d+: .*is not data',
        '--config CONFIG.py',
    ),
    'a call in a dict': (text_with("x = dict(a=[open('{target}', 'w')])"), '"open.*is not data'),
    'a call in a base': (text_with(f'_base_ = [{RUNS_CODE}]'), '__import__.*is not data'),
    'a base': (text_with("_base_ = '/etc/passwd'"), '_base_.* would read another file'),
    'a base in a dict': (text_with("x = {{'_base_': 'a.py'}}"), 'would read another file'),
    'an import': (text_with('import os'), "'import os' is not data"),
    'an expression': (text_with('x = 1 + 1'), "'1 . 1' is not data"),
    'a comprehension': (text_with('x = [i for i in (1, 2)]'), 'is not data'),
    'a name': (text_with('x = model'), "'model' is not data"),
    'an f-string': (text_with("x = f'a'"), 'is not data'),
    'a method': (text_with("x = 'a'.join([])"), 'is not data'),
    'keywords out of a dict': (text_with("x = dict(**{{'a': 1}})"), 'is not data'),
    'an attribute': (text_with('model.type = 1'), 'is not data'),
    'a variable of the environment': (
        text_with("x = '{{{{$HOME:none}}}}'"),
        'stands for a variable that mmengine puts in',
    ),
    'no Python': (text_with('x = ='), r'its config, line \d+: invalid syntax'),
    'a null byte': (text_with('x = "\0"'), 'its config'),
    'a thousand brackets': (text_with('x = ' + '[' * 1000), 'its config'),
    'a module to import': (
        text_with("custom_imports = dict(imports=['antigravity'])"),
        "imports 'antigravity'",
        '--allow-import antigravity',
    ),
    'a module with the beginning of ours': (
        text_with("custom_imports = dict(imports=['mmnystrom_evil'])"),
        "imports 'mmnystrom_evil'",
    ),
    'imports that are none': (text_with('custom_imports = 5'), 'which is no dict'),
    'a type that is a function': (
        text_with("model['architecture'] = dict(type='os.system', command='touch {target}')"),
        'is not data',
    ),
    'a reserved name': (text_with("filename = 'a'"), 'filename is reserved'),
    'no weights': (changed(state_dict=5), "holds no 'state_dict' of tensors"),
    'weights that are no tensors': (changed(state_dict=dict(a=1)), "holds no 'state_dict' of tensors"),
    'meta is a list': (changed(meta=[1]), 'holds meta of type list'),
    'no meta': (changed(meta=None), 'holds no config: give --config'),
    'no config': (meta(cfg=None), 'holds no config: give --config'),
    'a config that is a dict': (meta(cfg=dict(model=1)), 'holds no config: give --config'),
    'an empty config': (meta(cfg=''), 'holds no config: give --config'),
    'a config without a model': (meta(cfg='a = 1'), 'has model=None'),
    'a model that is a string': (meta(cfg="model = 'resnet'"), "has model='resnet'"),
    'another model': (meta(cfg="model = dict(type='ImageClassifier')"), 'is not of a distillation'),
    'class names in a list': (meta(dataset_meta=['a']), 'holds meta.dataset_meta of type list'),
    'another algorithm': (changed(state_dict={'backbone.a': torch.ones(1)}), 'is not of a distillation'),
}


@pytest.mark.parametrize('row', EXPORTS.values(), ids=EXPORTS)
def test_export(row, tmp_path, good_checkpoint, said):
    change, *words = row
    checkpoint = copy.deepcopy(good_checkpoint[0])
    target = tmp_path / 'ran'
    change(checkpoint)
    if isinstance(checkpoint['meta'], dict) and isinstance(checkpoint['meta'].get('cfg'), str):
        end = checkpoint['meta']['cfg'].rpartition('\n')[0].rpartition('\n')
        line = end[2].replace('{{', '{').replace('}}', '}').replace('{target}', str(target))
        checkpoint['meta']['cfg'] = f'{end[0]}\n{line}\n' if end[0] else checkpoint['meta']['cfg']
    path = tmp_path / 'sent.pth'
    torch.save(checkpoint, path)
    with pytest.raises(SystemExit) as end:
        call_tool('export_student.py', path, '--out', tmp_path / 'out')
    assert 'sent.pth' in str(end.value)
    said(words, end.value)
    assert not target.exists()
    assert 'antigravity' not in sys.modules


def set_in(key, value):
    def change(cfg):
        cfg.merge_from_dict({key: value})

    return change


ARCHITECTURE = 'model.architecture.backbone'
PARTS = {
    'a type that is a function': (set_in(f'{ARCHITECTURE}.type', 'os.system'), 'would be imported'),
    'a type of a package': (set_in(f'{ARCHITECTURE}.type', 'evil.ResNet'), 'would be imported'),
    'a function of a package we trust': (
        set_in(f'{ARCHITECTURE}.type', 'mmengine.utils.misc.import_modules_from_strings'),
        'would be imported',
    ),
    'a type that is a module': (set_in(f'{ARCHITECTURE}.type', 'antigravity'), 'is in no registry'),
    'a type that is no name': (set_in(f'{ARCHITECTURE}.type', 5), 'is no name of a type'),
    'a scope': (set_in('model.architecture._scope_', 'evil'), 'is no scope of'),
    'a default scope': (set_in('default_scope', 'evil'), 'is no scope of'),
    'a config of a package': (set_in('model.architecture.cfg_path', 'evil::a.py'), 'is no config of'),
    'a config outside a package': (
        set_in('model.architecture.cfg_path', 'mmpretrain::../../../tmp/a.py'),
        'is no config of',
    ),
    'data from the web': (set_in('test_dataloader.dataset.data_root', 'http://a.b/c'), 'from the web'),
    'annotations that are a pickle': (
        set_in('test_dataloader.dataset.ann_file', 'a.PKL'),
        'can hold code',
    ),
    'annotations in YAML': (set_in('test_dataloader.dataset.ann_file', 'a.yaml'), 'can hold code'),
    'code from the web': (set_in(f'{ARCHITECTURE}.trust_remote_code', True), 'runs code from the web'),
    'a transform that is a function': (
        set_in('test_dataloader.dataset.pipeline', [dict(type='subprocess.check_output')]),
        r'pipeline.0.type = .subprocess.check_output. would be imported',
    ),
    'a metric that is a function': (
        set_in('test_evaluator', [dict(type='Accuracy'), dict(type='os.system')]),
        'test_evaluator.1.type = .os.system. would be imported',
    ),
    'no metric': (set_in('test_evaluator', None), 'has test_evaluator=None'),
    'a collate function': (
        set_in('test_dataloader.collate_fn', dict(type='os.system')),
        'would be imported',
    ),
}


@pytest.mark.parametrize('row', PARTS.values(), ids=PARTS)
def test_export_of_a_config_that_names_code(row, tmp_path, good_checkpoint, said):
    change, *words = row
    checkpoint = copy.deepcopy(good_checkpoint[0])
    cfg = Config.fromstring(checkpoint['meta']['cfg'], '.py')  # of a run of ours, a moment ago
    change(cfg)
    checkpoint['meta']['cfg'] = cfg.pretty_text
    path = tmp_path / 'sent.pth'
    torch.save(checkpoint, path)
    with pytest.raises(SystemExit) as end:
        call_tool('export_student.py', path, '--out', tmp_path / 'out')
    said(['config', 'sent.pth', *words, '--config CONFIG.py'], end.value)


def test_an_import_that_the_user_allows(tmp_path, good_checkpoint, monkeypatch):
    (tmp_path / 'my_own_module.py').write_text('loaded = True')
    monkeypatch.syspath_prepend(str(tmp_path))
    checkpoint = copy.deepcopy(good_checkpoint[0])
    checkpoint['meta']['cfg'] += "\ncustom_imports = dict(imports=['my_own_module'])\n"
    torch.save(checkpoint, tmp_path / 'sent.pth')
    arguments = (tmp_path / 'sent.pth', '--out', tmp_path / 'out', '--images', '4')
    call_tool('export_student.py', *arguments, '--allow-import', 'my_own_module')
    assert sys.modules['my_own_module'].loaded
    assert (tmp_path / 'out' / 'student.pth').is_file()


FILES = {
    'an empty file': (b'', 'sent.pth is empty'),
    'a truncated file': (None, 'cut off or damaged'),
    'text': (b'hello', 'is no checkpoint'),
}


@pytest.mark.parametrize('row', FILES.values(), ids=FILES)
def test_export_of_a_file_that_is_no_checkpoint(row, tmp_path, good_checkpoint, said):
    content, *words = row
    path = tmp_path / 'sent.pth'
    path.write_bytes(good_checkpoint[1].read_bytes()[:30000] if content is None else content)
    with pytest.raises(SystemExit) as end:
        call_tool('export_student.py', path)
    said(words, end.value)


def test_the_battery_is_as_large_as_promised():
    assert len(EXPORTS) + len(PARTS) >= 40
