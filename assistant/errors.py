"""The errors a user can act on; each message names what is wrong and the remedy."""


class AssistantError(Exception):
    """Base of all errors that are shown to the user as one sentence, without a traceback."""


class SettingsError(AssistantError):
    """A setting, flag or configuration file that cannot work; the message holds its full path."""


class PersonaTooLong(SettingsError):
    """A persona, or instructions, that leave the talk too little of the model's context."""


class InputError(AssistantError):
    """An input file or text that cannot be used."""


class EngineUnavailable(AssistantError):
    """An engine whose library, program or weights are missing; names what to install."""


class EngineFailed(AssistantError):
    """An engine that broke while working; the turn fails and the conversation goes on."""


class DeviceError(AssistantError):
    """A microphone or loudspeaker that is missing or was lost."""


class OutputError(AssistantError):
    """A file that cannot be written, for example because the disk is full."""
