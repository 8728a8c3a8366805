"""Traffic: one file per router. Each reads back what is live, writes two weights, and says whether it was accepted."""
