from .page import Report as Report, gather as gather
from .sections import read as read
