from .check import examine as examine, require as require
