from .page import Chosen as Chosen, Report as Report, gather as gather
from .sections import read as read
