"""Every sentence that this library refuses with is an EdmNoiseError."""


class EdmNoiseError(ValueError):
    """What was given, what is allowed, what to do: one sentence, ready to be shown to a person."""
