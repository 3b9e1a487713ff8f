from .net_check import examine as examine, require as require
