from .files import Drawn as Drawn, Job as Job
from .gallery import Gallery as Gallery
from .kinds import (
    ALL_KINDS as ALL_KINDS,
    DATA_KINDS as DATA_KINDS,
    KINDS as KINDS,
    check_kind as check_kind,
)
from .style import Format as Format
from .subject import Subject as Subject
