"""What one trial is: every setting with its bounds, its JSON, its schedule, its text as a recipe."""
