from .plot import FOLDER as FOLDER
