from .drawing_page import Drawing as Drawing, drawing as drawing
from .rendering import csp_hash as csp_hash
from .winner import WinnerOptions as WinnerOptions, load_winner as load_winner
