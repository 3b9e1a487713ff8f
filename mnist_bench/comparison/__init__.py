"""What differs between studies, trials and records: settings, best results, shared trials, and where two runs part."""
