"""`python -m modelwright_playground.kubeflow --dir D`."""

import sys

from modelwright_playground import room
from modelwright_playground.kubeflow.app import run

if __name__ == "__main__":
    sys.exit(room.main("kubeflow", run))
