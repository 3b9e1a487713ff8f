from .files import WrittenReport as WrittenReport, write as write
