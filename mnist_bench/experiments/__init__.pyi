from .audit import Audit as Audit
