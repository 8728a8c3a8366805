"""The smoke check: pods that serve a new model have to say what its evaluation said. Asked in the background."""
