"""Hooks: landmarks are refreshed, kernels are monitored, teachers are tested."""

from .kernel_monitor import KernelMonitorHook
from .landmark import LandmarkHook
from .teacher_test import TeacherTestHook

__all__ = ['KernelMonitorHook', 'LandmarkHook', 'TeacherTestHook']
