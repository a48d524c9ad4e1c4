"""What stands in a Markdown file to be copied works: configs load, whole ones train, commands exist."""

import ast
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import torch
from bare import python
from mmengine.config import Config, ConfigDict
from mmengine.registry import DefaultScope
from mmrazor.registry import MODELS
from support import CONFIGS, PAIR, ROOT, train

LISTED = subprocess.run(
    ['git', 'ls-files', '-co', '--exclude-standard', '*.md'], cwd=ROOT, capture_output=True, text=True
)
FILES = [ROOT / name for name in LISTED.stdout.split()] or [
    path for path in ROOT.rglob('*.md') if not {'.venv', 'build'} & set(path.parts)
]
FENCE = re.compile(r'^```(\w*)\n(.*?)^```$', re.M | re.S)
#: Languages of blocks that hold nothing to be run.
TEXT = ('bibtex', 'text')
#: Arguments that a user is to replace.
PLACEHOLDER = re.compile(r'[A-Z_]+(\.\.\.)?|\[.*|\.\.\.|\$.*|some\.jpg|<.*>')
#: What commands leave behind, or a user brings.
MADE = ('work_dirs/', 'data/', 'my_', 'student.', 'tenth.py')


def blocks(*languages):
    found = []
    for path in FILES:
        for number, match in enumerate(FENCE.finditer(path.read_text()), 1):
            if match.group(1) in languages:
                name = f'{path.relative_to(ROOT)}-{number}'
                found.append(pytest.param(match.group(2), id=name))
    return found


def is_config(code):
    nodes = ast.parse(code).body
    return all(isinstance(node, ast.Assign) for node in nodes)


PYTHON = blocks('python', 'py')
CONFIG = [block for block in PYTHON if is_config(block.values[0])]


def test_every_block_says_what_it_is():
    languages = {match.group(1) for path in FILES for match in FENCE.finditer(path.read_text())}
    assert languages <= {'python', 'bash', *TEXT}
    for path in FILES:  # no fence that the pattern misses
        assert path.read_text().count('```') == 2 * len(FENCE.findall(path.read_text())), path
    assert len(CONFIG) >= 6 and len(PYTHON) > len(CONFIG)


@pytest.mark.parametrize('path', FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_lines_are_short_or_one_sentence(path):
    """At most 120 characters, so that a change of a word is a change of a line."""
    text = FENCE.sub('', path.read_text())
    long = [line for line in text.splitlines() if len(line) > 120 and not line.startswith(('|', '!['))]
    assert [line for line in long if re.search(r'[.!?][)*`]* +[A-Z]', line)] == []


def place(tmp_path, code):
    """A folder like a user's: the clone's configs, a config of their own, and the block."""
    (tmp_path / 'configs').symlink_to(CONFIGS)
    kd = Config.fromfile(CONFIGS / f'distill/mmpretrain/kd/kd_logits_{PAIR}.py')
    kd.dump(tmp_path / 'your_config.py')
    (tmp_path / 'block.py').write_text(code)
    return Config.fromfile(tmp_path / 'block.py')


def empty_sequences_of_dicts(value, place=''):
    """Places where a comma behind a dict has made a tuple of it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from empty_sequences_of_dicts(inner, f'{place}.{key}')
    elif isinstance(value, tuple) and len(value) == 1 and isinstance(value[0], dict):
        yield place


@pytest.mark.parametrize('code', CONFIG)
def test_a_config_loads_and_builds(code, tmp_path):
    cfg = place(tmp_path, code)
    assert list(empty_sequences_of_dicts(cfg._cfg_dict)) == []
    DefaultScope.get_instance(tmp_path.name, scope_name=cfg.get('default_scope', 'mmrazor'))
    losses = {name: value for name, value in cfg.items() if name.startswith('loss_')}
    for spec in losses.values():
        assert MODELS.build(dict(spec, _scope_='mmrazor'))
    if 'model' not in cfg:
        parts = {
            'custom_hooks',
            'compile',
            'methods',
            'train_dataloader',
            'student_recorders',
            'teacher_init',
        }
        assert losses or parts & set(cfg)
        return
    cfg.model.teacher_ckpt = None
    cfg.model.setdefault('data_preprocessor', cfg.get('data_preprocessor'))
    model = MODELS.build(cfg.model)
    assert model.teacher is not None
    assert 'KDALoss' in {type(loss).__name__ for loss in model.distiller.distill_losses.values()}


WHOLE = [
    block
    for block in CONFIG
    if {'model', 'train_dataloader'}
    <= {getattr(node.targets[0], 'id', '') for node in ast.parse(block.values[0]).body}
    and '_base_' not in block.values[0]
]


def test_there_is_a_whole_config():
    assert [block.id.rpartition('-')[0] for block in WHOLE] == ['README.md']


@pytest.mark.parametrize('code', WHOLE)
def test_a_whole_config_trains(code, tmp_path):
    """As pasted, but for the epochs; the teacher is where the command before it would leave it."""
    cfg = place(tmp_path, code)
    teacher = MODELS.build(cfg.model.teacher)
    torch.save(dict(state_dict=teacher.state_dict()), tmp_path / 'teacher.pth')
    assert cfg.model.teacher_ckpt.endswith('epoch_30.pth')
    vanilla = Config.fromfile(CONFIGS / 'vanilla/mmpretrain/digits/resnet18-w16_1xb64-30e_digits.py')
    networks = [ConfigDict(x) for x in (cfg.model.teacher, vanilla.model)]
    assert {k: networks[0][k] for k in ('backbone', 'head')} == {
        k: networks[1][k] for k in ('backbone', 'head')
    }
    cfg.model.teacher_ckpt = str(tmp_path / 'teacher.pth')
    cfg.work_dir = str(tmp_path / 'work')
    cfg.train_cfg.update(max_epochs=3, val_interval=3)
    _, curve = train(cfg)
    assert len(curve) == 3 * 7
    on = [step['distill.loss_kda'] > 0 for step in curve]
    assert on == [i >= 14 for i in range(21)]  # after the config's own two epochs of warm-up


@pytest.mark.parametrize('code', [block for block in PYTHON if block not in CONFIG])
def test_other_code_imports_what_there_is(code):
    tree = ast.parse(code)
    imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
    assert imports
    exec(compile(ast.Module(imports, []), 'block', 'exec'), {})


def commands(text):
    """The command lines of a bash block, without comments, settings before them, and ``&&``."""
    for line in text.replace('\\\n', ' ').splitlines():
        words = shlex.split(line, comments=True)
        command = []
        for word in [*words, '&&']:
            if word in ('&&', '|', ';'):
                if command:
                    yield command
                command = []
            elif command or not re.match(r'\w+=', word):
                command.append(word)


def options_of(script):
    """Option strings of a tool: what its source, or that of mmrazor's tool, gives to argparse."""
    source = script.read_text()
    if script.name in ('train.py', 'test.py'):
        import mmrazor

        source += (Path(mmrazor.__path__[0]) / '.mim' / 'tools' / script.name).read_text()
    return set(re.findall(r"""add_argument\(\s*['"](--?[\w-]+)['"]""", source)) | {'-h', '--help'}


def torchrun_options():
    from torch.distributed.run import get_args_parser

    return {name.replace('_', '-') for name in get_args_parser()._option_string_actions}


def check_python(words):
    if words[0] == '-m':
        assert words[1] in ('venv', 'pytest', 'mmnystrom.bridge'), words
        return
    script = Path(words[0])
    if words[0].startswith('$') or PLACEHOLDER.fullmatch(words[0]):
        return
    assert (ROOT / script).is_file(), words
    known = options_of(ROOT / script)
    for word in words[1:]:
        if word.startswith('--'):
            assert word.partition('=')[0] in known, f'{script} has no {word}'
        elif '/' in word or word.endswith(('.py', '.pth', '.txt')):
            check_file(word)


def check_file(word):
    if '=' in word or PLACEHOLDER.fullmatch(word) or word.startswith(MADE):
        return
    assert (ROOT / word).exists(), word


def check_command(words):
    program, *rest = words
    if re.fullmatch(r'(old/bin/)?python(3[\d.]*)?', program):
        check_python(rest)
    elif program == 'make':
        targets = re.findall(r'^(\w+):', (ROOT / 'Makefile').read_text(), re.M)
        assert {word for word in rest if '=' not in word} <= set(targets), words
    elif program == 'pip':
        assert rest[0] == 'install'
        for before, word in zip(rest, rest[1:], strict=False):
            if before in ('-r', '--requirement'):
                check_file(word)
    elif program == 'torchrun':
        script = next(i for i, word in enumerate(rest) if word.endswith('.py') or word == '-m')
        for word in rest[:script]:
            if word.startswith('--'):
                assert word.partition('=')[0].replace('_', '-') in torchrun_options(), word
        check_python(rest[script:])
    elif program == 'mim':
        verb, package, *words = rest
        assert package == 'mmnystrom', rest
        tool = words[0] if verb == 'run' else verb
        assert verb in ('train', 'test', 'run') and (ROOT / f'tools/{tool}.py').is_file(), rest
    elif program == 'srun':
        check_python(rest[rest.index('python') + 1 :])
    else:
        assert program in ('.', 'cd', 'git', 'pre-commit'), f'{program} is not known to this test'


@pytest.mark.parametrize('text', blocks('bash'))
def test_commands_name_files_and_options_that_exist(text):
    found = list(commands(text))
    assert found
    for words in found:
        check_command(words)


@pytest.mark.parametrize(
    'line',
    [
        'python tools/trian.py CONFIG',
        'python tools/train.py CONFIG --work-folder x',
        'python tools/benchmark.py digits --seed 3',
        'python tools/train.py configs/distill/none.py',
        'make tests',
        'pip install -r requirements/none.txt',
        'torchrun --procs=8 tools/train.py CONFIG --launcher pytorch',
        'mmtrain CONFIG',
    ],
)
def test_a_wrong_command_is_found(line):
    with pytest.raises(AssertionError):
        for words in commands(line):
            check_command(words)


def test_a_tuple_by_a_comma_is_found():
    cfg = Config(dict(student_recorders=(dict(feat=dict(type='ModuleOutputs')),)))
    assert list(empty_sequences_of_dicts(cfg._cfg_dict)) == ['.student_recorders']


USE = """
from mmnystrom.core import KernelTransferLoss

s, t = torch.randn(8, 4), torch.randn(8, 6)
losses = [KernelTransferLoss(dict(type='first', num_landmarks=3), kernel='rational') for _ in range(2)]
for part in (slice(0, 2), slice(2, 8)):
    losses[0].observe(s[part], t[part])
losses[0].refresh()
assert torch.equal(losses[0].landmarks.teacher, t[:3])
losses[1].load_state_dict(losses[0].state_dict())
assert losses[0](s, t) == losses[1](s, t) > 0
"""


def test_what_extend_shows_works():
    """In a process of its own: it adds to the tables."""
    code = [match.group(2) for match in FENCE.finditer((ROOT / 'docs/en/extend.md').read_text())]
    assert len(code) == 2
    done = python('-c', '\n'.join([*code, USE]))
    assert done.returncode == 0, done.stderr
