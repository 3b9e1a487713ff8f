from .gallery import Gallery as Gallery
from .kinds import KINDS as KINDS, picture as picture
from .style import Format as Format
from .subject import Subject as Subject
