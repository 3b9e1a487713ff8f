"""What commands show on a terminal: leaderboards, a search while it runs and when it ends, confirmations."""
