from .page import Drawing as Drawing, csp_hash as csp_hash, drawing as drawing
from .winner import Options as Options, find as find
