"""Why a trial was proposed as it was, and why it was stopped or continued: decided again from the log."""
