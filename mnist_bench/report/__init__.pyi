from .report_file import WrittenReport as WrittenReport, write as write
