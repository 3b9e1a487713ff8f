"""A study that was read from where it is kept, and that place."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

from search.errors import UsageError
from search.event_log import StudyRecord
from search.study.folder import StudyFolder
from search.study.location import StudyLocation


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredStudy(StudyRecord):
    """A study that knows where it lives; equal to another one of the same record, wherever that one lives."""

    location: StudyLocation = field(compare=False, repr=False)
    owns_folder: bool = field(default=True, compare=False, repr=False)
    """Whether the files in its folder are its own; those of a study in a shared database may be another study's."""

    @classmethod
    def of(cls, study: StudyRecord, location: StudyLocation, *, owns_folder: bool = True) -> StoredStudy:
        """Return the study of a record, kept at a location."""
        parts = {part.name: getattr(study, part.name) for part in fields(StudyRecord)}
        return cls(**parts, location=location, owns_folder=owns_folder)

    @property
    def files(self) -> StudyFolder:
        """The files of its folder.

        Raises:
            UsageError: they are another study's, which must neither be taken for this one's nor be replaced.
        """
        if not self.owns_folder:
            raise UsageError(
                f"{self.location.folder} holds files of another study of this name; name the folder of this one with "
                "--results."
            )
        return self.location.files
