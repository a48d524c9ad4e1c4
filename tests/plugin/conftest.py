"""What the tests of the plugin share."""

import pytest


@pytest.fixture
def once_said(monkeypatch):
    """The warnings that are logged once, in the order in which they are logged."""
    messages = []
    monkeypatch.setattr(
        'mmnystrom.plugin.once.print_log', lambda message, **kwargs: messages.append(message)
    )
    return messages
