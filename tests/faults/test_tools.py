"""Mistakes, and files that somebody sent, given to the tools: a row is one and the words it ends in."""

import copy
import os
import signal
import sys
import time

import benchmark
import demo
import export_student
import pytest
import run_folder
import torch
from mmengine.config import Config
from runs import Method, Runs
from support import CONFIGS


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
        export_student.main([str(path), '--out', str(tmp_path / 'out')])
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
        export_student.main([str(path), '--out', str(tmp_path / 'out')])
    said(['config', 'sent.pth', *words, '--config CONFIG.py'], end.value)


def test_an_import_that_the_user_allows(tmp_path, good_checkpoint, monkeypatch):
    (tmp_path / 'my_own_module.py').write_text('loaded = True')
    monkeypatch.syspath_prepend(str(tmp_path))
    checkpoint = copy.deepcopy(good_checkpoint[0])
    checkpoint['meta']['cfg'] += "\ncustom_imports = dict(imports=['my_own_module'])\n"
    torch.save(checkpoint, tmp_path / 'sent.pth')
    arguments = [str(tmp_path / 'sent.pth'), '--out', str(tmp_path / 'out'), '--images', '4']
    export_student.main([*arguments, '--allow-import', 'my_own_module'])
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
        export_student.main([str(path)])
    said(words, end.value)


# The benchmark.

SUITE = dict(
    title='A suite',
    pair='resnet18-w16_resnet18-w8_1xb32-40e_digits',
    teacher='vanilla/mmpretrain/digits/resnet18-w16_1xb64-30e_digits.py',
    student='vanilla/mmpretrain/digits/resnet18-w8_1xb32-40e_digits.py',
    methods=dict(KD='kd/kd_logits'),
)


def suite(**changes):
    return {key: value for key, value in {**SUITE, **changes}.items() if value != 'left out'}


BENCHMARKS = {
    'no methods': (suite(methods='left out'), (), 'methods=None must be a dict', 'README.md'),
    'methods in a list': (suite(methods=['KD']), (), r"methods=\['KD'\] must be a dict"),
    'no title': (suite(title='left out'), (), 'title=None must be a str'),
    'no teacher': (suite(teacher='left out'), (), 'teacher=None'),
    'no student': (suite(student=5), (), 'student=5'),
    'no pair': (suite(pair='left out'), (), "'kd/kd_logits' is the beginning of a name: set pair"),
    'a method that is a number': (suite(methods=dict(KD=5)), (), r"methods\['KD'\] = 5 must be"),
    'a method that is not there': (suite(methods=dict(KD='kd/none')), (), 'is neither below'),
    'a name with a way out': (
        suite(methods={'../../esc': 'kd/kd_logits'}),
        (),
        "'../../esc' cannot be the name of a folder",
    ),
    'a name with a separator': (suite(methods={'a/b': 'kd/kd_logits'}), (), "'a/b' cannot be the name"),
    'a name of another system': (suite(methods={'a\\b': 'kd/kd_logits'}), (), 'cannot be the name'),
    'an empty name': (suite(methods={' ': 'kd/kd_logits'}), (), "' ' cannot be the name"),
    'a hidden name': (suite(methods={'.git': 'kd/kd_logits'}), (), "'.git' cannot be the name"),
    'a name over two lines': (suite(methods={'a\nb': 'kd/kd_logits'}), (), 'cannot be the name'),
    'names of one folder': (
        suite(methods={'K D': 'kd/kd_logits', 'K-D': 'kd/kd_logits'}),
        (),
        "'K D' and 'K-D' would share the folder",
    ),
    'no patience': (suite(stall_minutes=0), (), 'stall_minutes=0 must be a number > 0'),
    'patience in words': (suite(stall_minutes='long'), (), "stall_minutes='long'"),
    'a method of another suite': (SUITE, ('--methods', 'NST'), 'NST is not in', 'which has KD'),
    'a teacher that is not there': (SUITE, ('--teacher', 'none.pth'), 'none.pth does not exist'),
    'more ranks than GPUs': (SUITE, ('--gpus', '0', '--ranks', '2'), 'ranks=2 is more than the GPUs'),
    'options of another method': (
        SUITE,
        ('--cfg-options', 'model.distiller.distill_losses.loss_kl.loss_weight=1'),
        "config of 'teacher', .* has no model.distiller",
        'for every run',
    ),
    'options of no method': (SUITE, ('--cfg-options', 'modle.type=a'), 'has no modle'),
    'options into a number': (
        SUITE,
        ('--cfg-options', 'train_cfg.max_epochs.first=1'),
        'has no train_cfg.max_epochs.first',
    ),
    'options without a value': (SUITE, ('--cfg-options', 'a'), 'write key=value'),
    'fresh and a report only': (SUITE, ('--fresh', '--report-only'), 'give one of the two'),
    'a work directory that is a file': (SUITE, ('--work-dir', __file__), 'is a file: give a folder'),
    'nothing finished': (SUITE, ('--report-only',), 'holds no finished run: start it without'),
}


@pytest.mark.parametrize('row', BENCHMARKS.values(), ids=BENCHMARKS)
def test_benchmark(row, tmp_path, monkeypatch, said):
    content, arguments, *words = row
    file = tmp_path / 'suite.py'
    file.write_text('\n'.join(f'{key} = {value!r}' for key, value in content.items()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'argv', ['benchmark.py', str(file), '--gpus', '0', *arguments])
    with pytest.raises(SystemExit) as end:
        benchmark.main()
    assert end.value.code not in (0, None)
    said(words, end.value)
    assert not list(tmp_path.rglob('train.log'))  # nothing was trained


STAND_IN = {
    'segfault': 'import os, signal; os.kill(os.getpid(), signal.SIGSEGV)',
    'killed': 'import os, signal; os.kill(os.getpid(), signal.SIGKILL)',
    'full': "raise OSError(28, 'No space left on device')",
    'silent': 'import time; time.sleep(60)',
    'works': "import pathlib, sys; pathlib.Path(sys.argv[1], 'last_checkpoint').write_text('x')",
}


class StandIn(Runs):
    """Runs of a line of Python in the place of tools/train.py."""

    behaviour = 'works'

    def command(self, method, seed):
        return [sys.executable, '-c', STAND_IN[self.behaviour], str(self.run_dir(method, seed))]


def stand_in(folder, behaviour='works', **arguments):
    (folder / 'config.py').write_text('train_cfg = dict(max_epochs=2)')
    runs = StandIn(folder / 'work', {'KD': Method(folder / 'config.py')}, 1, 1, **arguments)
    runs.behaviour = behaviour
    return runs


def test_a_disk_without_room_is_the_reason_whatever_the_log_says(tmp_path, monkeypatch):
    import shutil
    from types import SimpleNamespace

    monkeypatch.setattr(shutil, 'disk_usage', lambda path: SimpleNamespace(free=4096))
    with pytest.raises(SystemExit, match='KD, seed 0: the disk of .*work is full'):
        stand_in(tmp_path, 'segfault').train_all()


@pytest.mark.parametrize(
    ('behaviour', 'words'),
    [
        ('segfault', [r'KD, seed 0: killed by signal 11 \(SIGSEGV\)', 'train.log']),
        ('killed', [r'killed by signal 9 \(SIGKILL\), as the system does when memory runs out']),
        ('full', ['KD, seed 0: the disk of .*work is full: make room']),
    ],
)
def test_runs_that_end_badly(tmp_path, behaviour, words, said):
    with pytest.raises(SystemExit) as end:
        stand_in(tmp_path, behaviour).train_all()
    said(words, end.value)


def test_a_run_without_a_sign_of_life_is_reported(tmp_path, capsys, monkeypatch):
    """And goes on, unless it is to be ended."""
    runs = stand_in(tmp_path, 'silent', stall_minutes=1 / 60)
    real = runs._look_for_stalled

    def until_it_is_said():
        real()
        if 'no sign of life' in capsys.readouterr().out:
            raise KeyboardInterrupt

    monkeypatch.setattr(runs, '_look_for_stalled', until_it_is_said)
    with pytest.raises(KeyboardInterrupt):
        runs.train_all()


def test_a_run_without_a_sign_of_life_is_ended_if_asked(tmp_path, capsys):
    runs = stand_in(tmp_path, 'silent', stall_minutes=1 / 60, timeout=True)
    start = time.monotonic()
    with pytest.raises(SystemExit, match='KD, seed 0: ended, as it gave no sign of life for'):
        runs.train_all()
    assert time.monotonic() - start < 50
    assert 'it is ended. See' in capsys.readouterr().out


def test_a_full_disk_for_the_marks(tmp_path, monkeypatch):
    def full(folder, mark):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(run_folder, 'write_mark', full)
    with pytest.raises(SystemExit, match='work: the disk is full. Make room; the same command goes on'):
        stand_in(tmp_path).train_all()


def photos(folder):
    folder.mkdir(parents=True)
    (folder / 'holiday.jpg').write_bytes(b'a photo')
    return folder / 'holiday.jpg'


@pytest.mark.parametrize('fresh', [True, False])
def test_a_folder_of_somebody_else_is_left_alone(tmp_path, fresh):
    """In the place of a run, and beside the runs."""
    runs = stand_in(tmp_path)
    beside = photos(tmp_path / 'work' / 'photos')
    runs.train_all(fresh=fresh)
    assert beside.exists() and runs.finished('KD', 0)
    other = stand_in(tmp_path)
    other.work_dir = tmp_path / 'other'
    inside = photos(other.run_dir('KD', 0))
    with pytest.raises(SystemExit, match='holds no run.json, so it is not a run of this program'):
        other.train_all(fresh=fresh)
    assert inside.exists()


def test_fresh_repeats_and_deletes_what_is_ours(tmp_path):
    runs = stand_in(tmp_path)
    runs.train_all()
    (runs.run_dir('KD', 0) / 'of the old run').touch()
    runs.train_all(fresh=True)
    assert runs.finished('KD', 0)
    assert not (runs.run_dir('KD', 0) / 'of the old run').exists()


def test_fresh_waits_for_the_lock_before_it_deletes(tmp_path):
    import processes

    runs = stand_in(tmp_path)
    runs.train_all()
    lock = processes.lock_file(runs.work_dir / '.lock')
    with pytest.raises(SystemExit, match='in use by another program'):
        runs.train_all(fresh=True)
    assert runs.finished('KD', 0)
    lock.close()


def test_the_demo_is_fresh_in_the_same_way(tmp_path, monkeypatch):
    beside = photos(tmp_path / 'work' / 'photos')
    asked = []
    monkeypatch.setattr(Runs, 'train_all', lambda self, **kwargs: asked.append(kwargs) or sys.exit('end'))
    monkeypatch.setattr(sys, 'argv', ['demo.py', '--fresh', '--work-dir', str(tmp_path / 'work')])
    with pytest.raises(SystemExit, match='end'):
        demo.main()
    assert asked == [dict(fresh=True)] and beside.exists()


@pytest.mark.parametrize('mark', ['[]', '{"finished": true}', '{"finished": tr', '5', ''])
def test_odd_marks_of_a_run_count_as_none(tmp_path, mark):
    runs = stand_in(tmp_path)
    runs.run_dir('KD', 0).mkdir(parents=True)
    (runs.run_dir('KD', 0) / 'run.json').write_text(mark)
    assert not runs.finished('KD', 0)
    runs.train_all()
    assert runs.finished('KD', 0)


def test_the_battery_is_as_large_as_promised():
    assert len(EXPORTS) + len(PARTS) + len(BENCHMARKS) >= 60
    assert signal.SIGSEGV == 11 and CONFIGS.is_dir()
