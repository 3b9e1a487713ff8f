from .explain import Explanation as Explanation, explain as explain, proposes_again as proposes_again
from .standings import Standing as Standing
