"""What the commands about models refuse; each message says what happened and what to do next."""


class ModelsError(Exception):
    """The root: a model or a file cannot be used as asked."""


class RegistryError(ModelsError):
    """The user's registry cannot be used."""


class UnknownModelError(ModelsError):
    """A name that is neither installed nor in the registry."""


class WrongFileError(ModelsError):
    """A file that is no model and no voice pack; the message says what it is."""


class RefusedModelError(ModelsError):
    """Files that are each what they should be, but cannot be installed together or under this name."""


class ChangedModelError(ModelsError):
    """An installed model whose files are no longer those that were installed."""
