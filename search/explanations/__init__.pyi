from .explain import Explanation as Explanation, explain as explain
from .standings import Standing as Standing
