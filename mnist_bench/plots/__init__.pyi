from .drawing import Picture as Picture, draw as draw, draw_kinds as draw_kinds
from .kinds import (
    DATA_KINDS as DATA_KINDS,
    KINDS as KINDS,
    STUDY_KINDS as STUDY_KINDS,
    check_kind as check_kind,
)
from .style import Format as Format
from .subject import DataSubject as DataSubject, Subject as Subject, data_subject as data_subject
