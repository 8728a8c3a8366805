"""RetrainPolicy and RetrainRun: when a model is retrained, what became of each attempt, and what may go live."""
