"""Hooks: landmarks, kernels and teachers, and the memory layout of a run."""

from .channels_last import ChannelsLastHook
from .kernel_monitor import KernelMonitorHook
from .landmark import LandmarkHook
from .teacher_replay import TeacherReplayHook
from .teacher_test import TeacherTestHook

__all__ = [
    'ChannelsLastHook',
    'KernelMonitorHook',
    'LandmarkHook',
    'TeacherReplayHook',
    'TeacherTestHook',
]
