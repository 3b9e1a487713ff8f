from .choice import Why as Why, choose as choose, choose_by_relevance as choose_by_relevance
from .coordinates import Candidate as Candidate, Coordinates as Coordinates
from .curves import DEVIATION as DEVIATION, MIN_ERROR as MIN_ERROR, Curve as Curve
from .exact import cholesky as cholesky
from .feasible import Feasible as Feasible
from .portfolio import portfolio as portfolio
from .prospects import Prospects as Prospects
from .relevance import Parts as Parts
