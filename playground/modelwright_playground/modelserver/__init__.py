"""The playground's model server: one scikit-learn model over the Open Inference Protocol (v2), measured as it serves.

Observes requests and the stream of late labels, decides nothing, writes metrics. It stands for any team's own server;
the operator knows it only by its probes, its environment variables and its metrics. Memory is bounded: see
`maturity.py` and `labels.py`.
"""
