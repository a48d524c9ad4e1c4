"""A config that came inside a file, read as data: nothing that it says is run.

A checkpoint of mmengine's holds the text of its config, and ``Config.fromstring`` runs such a text. So
the text of a file that somebody sent is parsed here. What a builder would turn into code is refused:
types that no registry has, modules to import, files that are unpickled.
"""

from __future__ import annotations

import ast
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module

import mmengine.registry as roots
import mmpretrain.registry
from mmengine.config import Config
from mmengine.registry import Registry

#: Packages that a config may import modules of.
IMPORTED = ('mmnystrom', 'mmrazor', 'mmpretrain')
#: Packages that a config may take configs from, and name as a scope.
TRUSTED = (*IMPORTED, 'mmcls', 'mmengine', 'mmcv')
#: What reads files that can hold code: pickles, and YAML by mmengine's loader.
CODE_FILES = ('.pkl', '.pickle', '.pk', '.yaml', '.yml')

_CALLS = {'dict': dict, 'list': list, 'tuple': tuple, 'set': set}
_NAMES = {'inf': math.inf, 'nan': math.nan}


class UntrustedConfigError(ValueError):
    """A config from a file holds more than data, or names what must not be built or imported."""


def read_sent_config(text: str, source: str, allow_import: Sequence[str] = ()) -> Config:
    """Read the text of a config without running it.

    Only assignments of literals are read, of calls of dict, list, tuple and set, of negative numbers, and
    of inf and nan. There are no bases, and no variables are put in. Modules of ``custom_imports`` are
    imported if they belong to :data:`IMPORTED` or to ``allow_import``.

    Args:
        text: Python text, as mmengine writes it into ``meta['cfg']`` of a checkpoint.
        source: Name of the file that it comes from, for messages.
        allow_import: Further modules that may be imported, each with all below it. Defaults to none.

    Raises:
        UntrustedConfigError: If the text holds anything else; with the line and the way out.

    Example:
        >>> read_sent_config('model = dict(type="ResNet", depth=18)', 'a.pth').model.depth
        18
        >>> read_sent_config('import os', 'a.pth')
        Traceback (most recent call last):
        mmnystrom.plugin.sent_config.UntrustedConfigError: a.pth: its config, line 1: 'import os' is ...
    """
    found = _Reader(source).read(text)
    try:
        cfg = Config(found)
    except (KeyError, TypeError, ValueError) as error:
        raise UntrustedConfigError(
            f'{source}: its config is not one of mmengine: {error}. {_WAY_OUT}'
        ) from error
    for module in _imports(cfg, source):
        asks = f'{source}: its config imports {module!r} (custom_imports)'
        if not any(_is_below(module, name) for name in (*IMPORTED, *allow_import)):
            raise UntrustedConfigError(
                f'{asks}, which runs that module. If you trust it: --allow-import {module}. {_WAY_OUT}'
            )
        try:
            import_module(module)
        except ImportError as error:
            raise UntrustedConfigError(f'{asks}, which fails: {error}. {_WAY_OUT}') from error
    return cfg


def check_sent_parts(parts: dict[str, object], source: str, allow_import: Sequence[str] = ()) -> None:
    """Refuse parts of a config that a builder would turn into code.

    Every ``type`` must be in a registry: a builder imports and calls any other name with a dot. Scopes
    and ``cfg_path`` must be of :data:`TRUSTED` packages or of ``allow_import``. Data may come from files
    of this machine only, and from none that is unpickled.

    Args:
        parts: Key of the config -> what is to be built.
        source: Name of the file that it comes from, for messages.
        allow_import: Further packages. Defaults to none.

    Raises:
        UntrustedConfigError: If there is any such thing; with its place and the way out.
    """
    packages = (*TRUSTED, *(name.partition('.')[0] for name in allow_import))
    for place, key, value in _items(parts):
        why = None
        if key == 'type':
            why = _unfit_type(value, packages)
        elif key in ('_scope_', 'default_scope') and value not in (None, *packages):
            why = f'is no scope of {", ".join(packages)}'
        elif key == 'cfg_path' and not _is_packaged(value, packages):
            why = f'is no config of {", ".join(packages)}'
        elif key == 'trust_remote_code' and value:
            why = 'runs code from the web'
        elif isinstance(value, str) and 'dataloader' in place:
            if '://' in value:
                why = 'reads from the web'
            elif value.lower().endswith(CODE_FILES):
                why = 'is a kind of file that can hold code'
        if why:
            raise UntrustedConfigError(f'{source}: its config, {place} = {value!r} {why}. {_WAY_OUT}')


_WAY_OUT = 'To use a config of your own in the place of the one in the file: --config CONFIG.py.'


class _Reader:
    """Values of an abstract syntax tree that is data."""

    def __init__(self, source: str) -> None:
        self.source = source

    def read(self, text: str) -> dict:
        try:
            body = ast.parse(text).body
        except SyntaxError as error:
            raise UntrustedConfigError(
                f'{self.source}: its config, line {error.lineno or 1}: {error.msg}. {_WAY_OUT}'
            ) from error
        except (ValueError, RecursionError, MemoryError) as error:  # a null byte, thousands of brackets
            raise UntrustedConfigError(
                f'{self.source}: its config cannot be parsed: {error}. {_WAY_OUT}'
            ) from error
        found = {}
        for node in body:
            target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
            if not isinstance(target, ast.Name):
                raise self._refusal(node)
            found[self._key(target.id, node)] = self._value(node.value)
        return found

    def _value(self, node: ast.expr):
        if isinstance(node, ast.Constant) and isinstance(node.value, (str, bool, int, float, type(None))):
            if isinstance(node.value, str) and '{{' in node.value:
                raise self._refusal(node, 'stands for a variable that mmengine puts in')
            return node.value
        if isinstance(node, ast.Name) and node.id in _NAMES:
            return _NAMES[node.id]
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            number = self._value(node.operand)
            if type(number) in (int, float):
                return -number
        if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
            kind = {ast.List: list, ast.Tuple: tuple, ast.Set: set}[type(node)]
            return self._collected(kind, [self._value(x) for x in node.elts], node)
        if isinstance(node, ast.Dict) and None not in node.keys:
            pairs = [
                (self._key(self._value(key), key), self._value(value))
                for key, value in zip(node.keys, node.values, strict=True)
            ]
            return self._collected(dict, pairs, node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
            return self._call(node)
        raise self._refusal(node)

    def _call(self, node: ast.Call):
        if len(node.args) > 1 or any(keyword.arg is None for keyword in node.keywords):
            raise self._refusal(node)
        kind = _CALLS[node.func.id]
        found = self._collected(kind, *[self._value(x) for x in node.args], node=node)
        if node.keywords and kind is not dict:
            raise self._refusal(node)
        for keyword in node.keywords:
            found[self._key(keyword.arg, node)] = self._value(keyword.value)
        return found

    def _collected(self, kind: type, *values, node: ast.expr | None = None):
        *values, node = values if node is None else (*values, node)
        try:
            return kind(*values)
        except (TypeError, ValueError) as error:  # a set of lists, dict(3)
            raise self._refusal(node, f'is no {kind.__name__} ({error})') from error

    def _key(self, key, node: ast.AST):
        if key == '_base_':
            raise self._refusal(node, 'would read another file')
        return key

    def _refusal(self, node: ast.AST, why: str = '') -> UntrustedConfigError:
        text = ast.unparse(node)
        text = text if len(text) <= 80 else f'{text[:80]} ...'
        why = why or (
            'is not data (literals, dict(), list(), tuple(), set(), inf, nan), and what comes from a '
            'file is not run'
        )
        return UntrustedConfigError(
            f'{self.source}: its config, line {node.lineno}: {text!r} {why}. {_WAY_OUT}'
        )


def _imports(cfg: Config, source: str) -> list[str]:
    asked = cfg.get('custom_imports') or {}
    modules = asked.get('imports', ()) if isinstance(asked, dict) else asked
    modules = [modules] if isinstance(modules, str) else modules
    if not isinstance(modules, (list, tuple)) or not all(isinstance(name, str) for name in modules):
        raise UntrustedConfigError(
            f'{source}: its config has custom_imports={asked!r}, which is no dict(imports=[<modules>]). '
            f'{_WAY_OUT}'
        )
    return list(modules)


def _is_below(module: str, package: str) -> bool:
    return module == package or module.startswith(f'{package}.')


def _items(parts, place: str = '') -> Iterator[tuple[str, object, object]]:
    """Every key and value, with its place."""
    if isinstance(parts, dict):
        pairs: Iterable = parts.items()
    elif isinstance(parts, (list, tuple, set)):
        pairs = enumerate(parts)
    else:
        return
    for key, value in pairs:
        here = f'{place}.{key}' if place else str(key)
        yield here, key, value
        yield from _items(value, here)


def _unfit_type(name: object, packages: Sequence[str]) -> str | None:
    if not isinstance(name, str):
        return 'is no name of a type'
    scope, _, rest = name.rpartition('.')
    if scope and scope not in packages:
        return f'would be imported; types are names in a registry of {", ".join(packages)}'
    # The name with its scope too: mmpretrain registers torchvision's transforms as torchvision/Name.
    if not any(rest in table for table in _tables(scope)):
        return 'is in no registry'
    return None


def _tables(scope: str) -> Iterator[dict]:
    """The tables of a scope's registries, or of all."""
    # Some of mmpretrain's are no children of mmengine's.
    waiting = [x for module in (roots, mmpretrain.registry) for x in vars(module).values()]
    waiting = [x for x in waiting if isinstance(x, Registry)]
    while waiting:
        registry = waiting.pop()
        waiting += registry.children.values()
        if scope in ('', registry.scope):
            registry.import_from_location()
            yield registry.module_dict


def _is_packaged(path: object, packages: Sequence[str]) -> bool:
    if not isinstance(path, str):
        return False
    package, _, rest = path.partition('::')
    return package in packages and bool(re.fullmatch(r'[\w./-]+\.py', rest)) and '..' not in rest
