"""The playground's Prometheus: a real one, told what to scrape.

Observes Pods; decides, purely, which of them are scrape targets and with which labels; writes Prometheus's
configuration and its file of targets.
"""
