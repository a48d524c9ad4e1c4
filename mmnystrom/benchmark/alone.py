"""A network of a distillation, alone."""

from __future__ import annotations

from mmengine.config import Config


def plain(cfg: Config, network: str) -> Config:
    """Make the config of a distillation one of a network of it that trains by itself.

    Args:
        cfg: The config; it is changed.
        network: ``'architecture'`` for the student, or ``'teacher'``.

    Returns:
        ``cfg``.
    """
    preprocessor = cfg.model.data_preprocessor
    cfg.model = cfg.model[network]
    cfg.model.data_preprocessor = preprocessor
    cfg.custom_hooks = []
    return cfg
