from .drawing import (
    Picture as Picture,
    draw as draw,
    draw_kinds as draw_kinds,
)
from .kinds import (
    ANY_STUDY_KINDS as ANY_STUDY_KINDS,
    DATA_KINDS as DATA_KINDS,
    KINDS as KINDS,
    STUDY_KINDS as STUDY_KINDS,
    WORDS as WORDS,
    kind_named as kind_named,
    kinds_of as kinds_of,
    word_of as word_of,
)
from .style import Format as Format
from .subject import DataSubject as DataSubject, Subject as Subject, data_subject as data_subject
