"""Teacher replay: a frozen teacher runs once on each view of an image, and is replayed after that."""

from .errors import ReplayError
from .store import ReplayStore
from .teacher import ReplayedTeacher
from .views import SeededViews

__all__ = ['ReplayError', 'ReplayStore', 'ReplayedTeacher', 'SeededViews']
