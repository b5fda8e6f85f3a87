"""The exceptions of the model commands. Their messages are for users: what is wrong and what to do."""


class ModelsError(Exception):
    """Base class: a model or a file cannot be used as requested."""


class RegistryError(ModelsError):
    """The user's registry cannot be used."""


class UnknownModelError(ModelsError):
    """The name is neither installed nor in the registry."""


class WrongFileError(ModelsError):
    """The file is neither a model nor a voice pack; the message says what it is."""


class RefusedModelError(ModelsError):
    """The files are valid, but cannot be installed together or under this name."""


class ChangedModelError(ModelsError):
    """The files of an installed model have changed."""
