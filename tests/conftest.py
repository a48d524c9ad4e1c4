"""Turn the bridge on before a test module imports mmrazor."""

import mmnystrom  # noqa: F401
