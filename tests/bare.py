"""Interpreters that know nothing of OpenMMLab, and have torch and its like imported already.

Those are nine tenths of a fresh interpreter's start. A process that has imported them, and no package of
OpenMMLab or of ours, forks a new interpreter each time that it is asked. This module is imported by the
fork before anything else, so that it imports the standard library only.
"""

import atexit
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

#: What has no part in what the bridge does.
SLOW = ['torch', 'torchvision', 'scipy.stats', 'sklearn', 'pandas', 'rich', 'cv2', 'matplotlib.pyplot']


def python(*args, cwd=None, seconds=300, environment=None):
    """Run Python with the arguments ``-c CODE ...``, ``-m MODULE ...`` or ``SCRIPT ...``.

    Args:
        args: Of the interpreter.
        cwd: Where it works. Defaults to None, here.
        seconds: After which it is ended. Defaults to 300.
        environment: What it has beside this one's environment. Defaults to None, nothing.

    Returns:
        What ``subprocess.run`` returns, with text.
    """
    args = [str(arg) for arg in args]
    own = {**os.environ, **(environment or {})}
    if sys.platform != 'linux':  # macOS forbids such forks
        command = [sys.executable, *args]
        return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=seconds, env=own)
    with tempfile.TemporaryFile('w+') as output, tempfile.TemporaryFile('w+') as errors:
        context = multiprocessing.get_context('forkserver')
        context.set_forkserver_preload(SLOW)
        files = [f'/proc/{os.getpid()}/fd/{file.fileno()}' for file in (output, errors)]
        process = context.Process(target=_become, args=(args, str(cwd or Path.cwd()), own, files))
        process.start()
        process.join(seconds)
        if process.exitcode is None:
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(args, seconds)
        for file in (output, errors):
            file.seek(0)
        return subprocess.CompletedProcess(args, process.exitcode, output.read(), errors.read())


def _become(args, cwd, environment, files):
    """Be what ``python ARGS`` is; what it raises is printed, and its exit code is that of the fork."""
    for path, target in zip(files, (1, 2), strict=True):
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
        os.dup2(descriptor, target)
        os.close(descriptor)
    for name, file in (('stdout', 1), ('stderr', 2)):
        setattr(sys, name, os.fdopen(file, 'w', buffering=1, closefd=False))
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    try:
        _run(*args)
    finally:
        atexit._run_exitfuncs()  # multiprocessing ends its processes without
        sys.stdout.flush()
        sys.stderr.flush()


def _run(kind, *rest):
    first = str(Path(kind).parent) if kind not in ('-c', '-m') else ''
    sys.path[:] = [first, *(path for path in sys.path if path != str(Path(__file__).parent))]
    if kind == '-c':
        sys.argv = ['-c', *rest[1:]]
        exec(compile(rest[0], '<string>', 'exec'), {'__name__': '__main__'})
    elif kind == '-m':
        sys.argv = list(rest)
        runpy.run_module(rest[0], run_name='__main__', alter_sys=True)
    else:
        sys.argv = [kind, *rest]
        runpy.run_path(kind, run_name='__main__')
