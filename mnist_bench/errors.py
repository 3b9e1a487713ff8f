"""The errors of this package; see search.errors for the tree that they belong to."""

from __future__ import annotations

from search.errors import SearchError, UsageError


class DataError(UsageError):
    """A data set is missing, damaged, or not in MNIST's format; the text names the file."""


class ArchitectureError(UsageError):
    """A net cannot be built from its settings."""

    def __init__(self, text: str, path: str = "") -> None:
        """Make the error of a setting with this path, `model.pool_axes`; "" if no single setting is at fault."""
        super().__init__(text)
        self.path = path


class ConfigError(UsageError):
    """A configuration holds an unknown field, or a value that its field does not allow."""


class UnknownSettingError(ConfigError):
    """A configuration holds a field that no class here has; if it was stored, a newer version wrote it."""


class ClosedDoorError(SearchError, PermissionError):
    """A file of the test set was opened while the test set is closed."""


class ForeignStudyError(UsageError):
    """A command that needs nets was given a study of another trainer."""


class DeviceError(UsageError):
    """The device asked for is not there."""


class WeightsError(UsageError):
    """A file does not hold exported weights."""


class UnnamedCodeError(UsageError):
    """A net is your own code, which was not named or has changed."""


class NotReproducedError(SearchError):
    """A trial that was trained again has other bits than its record."""

    exit_code = 4


class Stopped(SearchError):
    """Work was stopped before its end, as its observer asked; the same call continues it."""

    def __init__(self) -> None:
        super().__init__("Stopped before the end.")


class PictureError(UsageError):
    """A file is not a picture, or the picture is empty; the text names it."""


class NotInTableError(UsageError):
    """A table does not hold the training that was asked for."""
