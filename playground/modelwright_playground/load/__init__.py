"""The playground's load: clients that send real rows through the gateway, and whose labels follow with a delay.

It knows nothing of models or revisions but what the answers say. It writes the labelled rows (the lake that training
reads, and the stream that model servers follow) and offers what it saw, per model version, at its control address.
"""
