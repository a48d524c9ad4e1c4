"""The config of an exported student, which stock mmpretrain reads."""

from __future__ import annotations

from collections.abc import Iterator

from mmengine.config import Config
from mmengine.hub import get_config
from mmpretrain.registry import DATASETS, MODELS, TRANSFORMS


def plain_types(cfg):
    """A config without ``_scope_``. Types that are not mmpretrain's get their scope as a prefix."""
    if isinstance(cfg, dict):
        found = {key: plain_types(value) for key, value in cfg.items() if key != '_scope_'}
        scope = {'mmcls': 'mmpretrain'}.get(cfg.get('_scope_'), cfg.get('_scope_'))
        name = found.get('type')
        if isinstance(name, str):
            given, _, name = name.rpartition('.')
            given = {'mmcls': 'mmpretrain', '': scope}.get(given, given)
            found['type'] = name if given in (None, 'mmpretrain') else f'{given}.{name}'
        return found
    if isinstance(cfg, (list, tuple)):
        return type(cfg)(plain_types(value) for value in cfg)
    return cfg


def types_of(cfg) -> Iterator[str]:
    """Every type that a config names."""
    if isinstance(cfg, dict):
        if isinstance(cfg.get('type'), str):
            yield cfg['type']
        for value in cfg.values():
            yield from types_of(value)
    elif isinstance(cfg, (list, tuple)):
        for value in cfg:
            yield from types_of(value)


def is_stock(name: str) -> bool:
    """Whether mmpretrain knows a type without mmnystrom."""
    for registry in (MODELS, DATASETS, TRANSFORMS):
        found = registry.get(name)
        if found is not None:
            return not found.__module__.startswith(('mmnystrom', 'mmrazor'))
    return True


def student_config(cfg: Config) -> Config:
    """A config of mmpretrain's with the student and the test data of a distillation."""
    student = cfg.model.architecture
    if 'cfg_path' in student:
        more = {key: value for key, value in student.items() if key not in ('cfg_path', 'pretrained')}
        student = get_config(student['cfg_path']).model
        student.update(more)
    student = plain_types(student.to_dict() if hasattr(student, 'to_dict') else student)
    student.pop('init_cfg', None)
    preprocessor = cfg.model.get('data_preprocessor') or cfg.get('data_preprocessor') or {}
    preprocessor = plain_types(Config(dict(x=preprocessor)).x.to_dict())
    if preprocessor.get('type', '').endswith('ImgDataPreprocessor'):  # mmengine's, of mmrazor's configs
        preprocessor['to_rgb'] = preprocessor.pop('bgr_to_rgb', False)
        preprocessor['type'] = 'ClsDataPreprocessor'
    preprocessor.pop('batch_augments', None)
    found = dict(
        default_scope='mmpretrain',
        model=student,
        data_preprocessor=preprocessor,
        test_dataloader=plain_types(cfg.test_dataloader.to_dict()),
        test_evaluator=plain_types(Config(dict(x=cfg.test_evaluator)).to_dict()['x']),
        test_cfg=dict(),
    )
    needed = not all(map(is_stock, types_of(student)))
    if needed or not all(map(is_stock, types_of(found['test_dataloader']))):
        # If only the data set is ours, the network works without the import.
        found['custom_imports'] = dict(imports=['mmnystrom'], allow_failed_imports=not needed)
    return Config(found)
