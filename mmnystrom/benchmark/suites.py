"""Suites: files that name a teacher, a student, a pair and the methods to compare."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mmengine.config import Config

from mmnystrom.core import check_integer, check_number

from .errors import SuiteError, checking
from .options import Options
from .places import CONFIGS
from .plan import STUDENT, TEACHER, Method, Plan, missing_part
from .replayed import with_options
from .schedule import scaled_students
from .validation import check_share, held_out

SUITES = CONFIGS / 'benchmark'


def known_suites() -> list[str]:
    """Names of the suites that come with the package."""
    return sorted(path.stem for path in SUITES.glob('*.py'))


def find_suite(name: str) -> Path:
    """The file of a suite, by its name or its path.

    Raises:
        SuiteError: If there is none.
    """
    known = known_suites()
    file = SUITES / f'{name}.py' if name in known else Path(name)
    if not file.is_file():
        raise SuiteError(f'suite={name!r} is neither one of {", ".join(known)} nor a file')
    return file


def read_suite(file: Path) -> Config:
    """A suite, its keys checked.

    Raises:
        SuiteError: If a key is missing, or of the wrong type.
    """
    cfg = Config.fromfile(file)
    wanted = dict(title=str, teacher=str, student=str, methods=dict)
    for key, kind in wanted.items():
        if not isinstance(cfg.get(key), kind):
            raise SuiteError(
                f'{file}: {key}={cfg.get(key)!r} must be a {kind.__name__}: a suite has '
                f'{", ".join(wanted)}. configs/benchmark/README.md shows one.'
            )
    for name, method in cfg.methods.items():
        if method is not None:
            _check_method(file, name, method)
    if not isinstance(cfg.get('options', {}), dict):
        raise SuiteError(
            f"{file}: options={cfg.options!r} must be a dict of what every run changes: {{'a.b': 1}}."
        )
    with checking(str(file)):
        check_number('stall_minutes', cfg.get('stall_minutes', 30))
        for key in ('seeds', 'ranks', 'epochs'):
            if cfg.get(key) is not None:
                check_integer(key, cfg[key])
        if cfg.get('validation') is not None:
            check_share(cfg.validation)
    return cfg


def _check_method(file: Path, name: str, method) -> None:
    config, options = method, {}
    if isinstance(method, dict):
        config, options = method.get('config'), method.get('options', {})
        odd = sorted(set(method) - {'config', 'options', '_delete_'})  # the last is for a base's name
        if odd or not isinstance(options, dict):
            raise SuiteError(
                f"{file}: methods[{name!r}] = {method!r} must be dict(config=..., options={{'a.b': 1}})."
            )
    several = isinstance(config, (list, tuple)) and len(config) == 2
    if not isinstance(config, str) and not several:
        raise SuiteError(
            f"{file}: methods[{name!r}] = {method!r} must be the beginning of a config's name, two of "
            'them, the path of a config, dict(config=one of these, options=what it changes), or None to '
            'leave the method out.'
        )


def find_config(name: str, suite: Path) -> Path:
    """A config by its path below the folder of the suite, or below configs/.

    Raises:
        SuiteError: If there is none.
    """
    for folder in (suite.parent, CONFIGS):
        if (folder / name).is_file():
            return (folder / name).resolve()
    raise SuiteError(f'{suite}: {name} is neither below {suite.parent} nor below {CONFIGS}.')


def suite_methods(
    cfg: Config, file: Path, chosen: Sequence[str] | None = None, without_student: bool = False
) -> dict[str, Method]:
    """What a suite trains, by name, without its teacher.

    A method is the beginning of a config's name, which ``pair`` completes; a list of two of them, of
    which ``first_stage`` completes the first; or the whole path of a config. ``dict(config=one of these,
    options={'a.b': value})`` changes the config, of two stages the second.

    Args:
        cfg: The suite.
        file: Its file.
        chosen: Names of the methods to take. Defaults to None, all.
        without_student: Whether no seed of the student alone is run. Defaults to False.

    Raises:
        SuiteError: If the suite does not have a chosen method, or the student is chosen and left out, or
            a config is missing, or has no place for an option.
    """

    def config(beginning: str, key: str) -> Path:
        if beginning.endswith('.py'):
            return find_config(beginning, file)
        if key not in cfg:
            raise SuiteError(
                f'{file}: {beginning!r} is the beginning of a name: set {key}, or end it in .py.'
            )
        return find_config(f'distill/mmpretrain/{beginning}_{cfg[key]}.py', file)

    listed = {name: method for name, method in cfg.methods.items() if method is not None}
    unknown = set(chosen or ()) - set(listed) - {STUDENT}
    if unknown:
        raise SuiteError(
            f'--methods: {", ".join(sorted(unknown))} is not in {file}, which has {", ".join(listed)}.'
        )
    if without_student and STUDENT in (chosen or ()):
        raise SuiteError(
            f'--methods names {STUDENT!r}, which --without-student leaves out: give one of them.'
        )
    found = {STUDENT: Method(find_config(cfg.student, file), seeds=0 if without_student else None)}
    for name, method in listed.items():
        if chosen and name not in chosen:
            continue
        options = None
        if isinstance(method, dict):
            method, options = method['config'], dict(method.get('options', {})) or None
        *first, last = [method] if isinstance(method, str) else method
        if first:
            found[f'{name} first stage'] = Method(config(first[0], 'first_stage'), distilled=True)
        found[name] = Method(
            config(last, 'pair'),
            distilled=True,
            first=f'{name} first stage' if first else None,
            changes=options,
        )
        for key in options or ():
            lacks = missing_part(found[name].config, key)
            if lacks is not None:
                raise SuiteError(
                    f'{file}: methods[{name!r}] has the option {key!r}, and {found[name].config} has no '
                    f'{lacks}.'
                )
    return found


def suite_changes(cfg: Config, file: Path, methods: dict[str, Method]) -> dict[str, dict]:
    """What a suite changes in the configs of its methods; what is for one method comes last.

    Args:
        cfg: The suite.
        file: Its file.
        methods: Name of a method -> what it is, the student's among them.

    Returns:
        Name of a method -> changes, as :meth:`Config.merge_from_dict` takes them.

    Raises:
        SuiteError: If a config has no place for an option, or no epochs where the suite gives them.
    """
    for key in cfg.get('options', {}):
        for name, method in methods.items():
            lacks = missing_part(method.config, key)
            if lacks is not None:
                raise SuiteError(
                    f'{file}: options has {key!r}, for every run, and the config of {name!r}, '
                    f'{method.config}, has no {lacks}: give it to the methods that it is for.'
                )
    share, epochs = cfg.get('validation'), cfg.get('epochs')
    configs = {}
    if share is not None or epochs is not None:
        configs = {name: Config.fromfile(method.config) for name, method in methods.items()}
    schedules = {} if epochs is None else scaled_students(methods, configs, epochs)
    found = {}
    for name, method in methods.items():
        found[name] = {}
        if share is not None:
            student = configs[STUDENT] if name == TEACHER else None
            found[name] = held_out(configs[name], share, student)
        found[name] |= {**schedules.get(name, {}), **cfg.get('options', {}), **(method.changes or {})}
    return found


def suite_plan(cfg: Config, file: Path, options: Options) -> Plan:
    """The runs of a suite.

    Args:
        cfg: The suite, see :func:`read_suite`.
        file: Its file.
        options: What to do with it.

    Raises:
        SuiteError: If a method, a config or the teacher is missing, or a config has no place for an
            option.
    """
    share = cfg.get('validation')
    if share is not None and (options.tune or options.tuned):
        raise SuiteError(
            f'{file}: its runs are scored on images held out (validation={share}), and tuned weights are '
            'trained on all of them: take validation out of the suite, or do not tune it.'
        )
    if options.tuned_only and not (options.tune or options.tuned):
        raise SuiteError('--tuned-only leaves out the weights of the papers: add --tune or --tuned.')
    methods = suite_methods(cfg, file, options.methods, options.without_student)
    teacher = options.teacher or (None if cfg.teacher.endswith('.py') else cfg.teacher)
    if teacher is None:
        methods = {TEACHER: Method(find_config(cfg.teacher, file), seeds=1), **methods}
    elif not teacher.startswith('http'):
        if not Path(teacher).is_file():
            whose = f'--teacher={teacher}' if options.teacher else f'{file}: teacher={teacher!r}'
            raise SuiteError(f'{whose} does not exist: train it first, or give the path of a checkpoint.')
        teacher = str(Path(teacher).resolve())
    work_dir = options.work_dir or Path(cfg.get('work_dir', f'work_dirs/benchmark/{file.stem}'))
    replay = (
        None if options.replay is None else dict(views=options.replay or None, max_gib=options.max_gib)
    )
    changes = suite_changes(cfg, file, methods)
    methods = {
        name: with_options(
            name, method, work_dir / 'configs', replay, options.channels_last, changes[name]
        )
        for name, method in methods.items()
    }
    arguments = ['--amp'] if options.amp else []
    usual = cfg.get('ranks', 1)
    if (options.ranks or usual) != usual:  # another batch
        arguments.append('--auto-scale-lr')
    seeds = options.seeds or cfg.get('seeds', 3)
    try:
        plan = Plan(
            work_dir,
            methods,
            seeds,
            teacher,
            arguments,
            options.cfg_options,
            share,
            options.first_seed,
        )
    except ValueError as error:
        raise SuiteError(f'{file}: {error}') from error
    plan.check_options()
    return plan
