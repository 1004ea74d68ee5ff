"""Everything that can go wrong, as one tree.

A user's mistake or a machine's failure ends in one of these, never in a traceback::

    FlashAndEvalError
    ├── InputError                  exit 2: the user's input or configuration
    │   ├── ModelError              the model file, or what is in it
    │   │   └── OperatorError       an operator that the engine does not have
    │   ├── DataError               the samples, or their fit to the model
    │   ├── ConfigError             a board, an option, platformio.ini
    │   └── SizeError               the model does not fit the board
    └── MachineError                exit 3: a tool, the link or the device
        ├── ToolMissingError        a program or a package that is not installed
        ├── OracleError             an oracle failed on a model that passed the checks
        │   └── CrashError          the process that ran it crashed
        ├── BuildError              PlatformIO or the compiler
        ├── TargetError             the emulator, the upload, the process
        ├── LinkError               the bytes did not get through
        │   └── RestartError        the device restarted again and again
        └── DeviceError             the device answered, and refused or does not fit
            └── StaleImageError     it holds another model, or another protocol

Exit codes: 0 all is well, 1 it ran and the verdict is bad, 2 InputError, 3 MachineError.
"""

from typing import ClassVar


class FlashAndEvalError(Exception):
    """Root of the tree.

    Args:
        message: what happened, in one sentence that names the thing concerned.
        hint: what to do next. Falls back to the class's own.
    """

    exit_code: ClassVar[int] = 3
    default_hint: ClassVar[str] = "Run `python -m host doctor` to see what is installed."

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.default_hint


class InputError(FlashAndEvalError):
    """The user's input or configuration cannot be used."""

    exit_code = 2
    default_hint = "See `python -m host flash-and-eval --help`."


class ModelError(InputError):
    """The model file cannot be used."""

    default_hint = "Give a Keras .h5 or .keras file, a SavedModel folder, or a full-int8 .tflite."


class OperatorError(ModelError):
    """The model has an operator that the engine does not have."""

    default_hint = "Replace the operator in the model, or choose another engine."


class DataError(InputError):
    """The data set cannot be used, or does not fit the model."""

    default_hint = "Give an .npz with `x`, `y` and optionally `x_calibration`, or a named data set."


class ConfigError(InputError):
    """A board, an option or platformio.ini is wrong."""

    default_hint = "See `python -m host boards` and `python -m host flash-and-eval --help`."


class SizeError(InputError):
    """The model does not fit the board's flash or RAM."""

    default_hint = "Choose a smaller model or a larger board (`python -m host boards`)."


class MachineError(FlashAndEvalError):
    """A tool, the link or the device failed."""

    exit_code = 3


class ToolMissingError(MachineError):
    """A program or a package that this step needs is not installed."""

    default_hint = "Run `./scripts/setup`, then `python -m host doctor`."


class OracleError(MachineError):
    """An oracle failed on a model that had passed the checks."""

    default_hint = "Report the model; another column may still tell what is wrong with it."


class CrashError(OracleError):
    """The process that an oracle ran in crashed."""

    default_hint = "LiteRT or TFLM crashed on this model: is the file damaged? Convert it again."


class BuildError(MachineError):
    """PlatformIO or the compiler failed."""

    default_hint = "Read the build log that is named above."


class TargetError(MachineError):
    """The image could not be started, or stopped running."""

    default_hint = "Read the log that is named above."


class LinkError(MachineError):
    """Bytes did not get through, or not in time."""

    default_hint = "Check the cable and the port; for slow models raise --timeout."


class RestartError(LinkError):
    """The device restarted, and has forgotten what it had not answered yet."""

    default_hint = "It crashes or loses power: check its supply, its stack and its log."


class DeviceError(MachineError):
    """The device answered, and what it said does not fit."""

    default_hint = "Rebuild and flash: run flash-and-eval again without --port or --no-flash."


class StaleImageError(DeviceError):
    """The device holds another model, or speaks another protocol."""


def first_line(error: Exception) -> str:
    """The first line of an exception's message, at most 300 characters, or else its type."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
