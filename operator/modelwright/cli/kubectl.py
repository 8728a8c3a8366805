"""`kubectl modelwright`, and the same as `modelwright rollout`: look at rollouts and steer them."""

from __future__ import annotations

import click

from modelwright import __version__
from modelwright.cli.consenting import VERBS as ANSWERS
from modelwright.cli.consenting import consent_command
from modelwright.cli.lineage import lineage
from modelwright.cli.lint import lint
from modelwright.cli.looking import get, status
from modelwright.cli.retraining import cancel, retrain
from modelwright.cli.steering import VERBS, steering_command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Look at rollouts of models, and steer them."""


steering = (steering_command(verb) for verb in VERBS)
for command in (get, status, *steering, *(consent_command(verb) for verb in ANSWERS), retrain, cancel, lineage, lint):
    main.add_command(command)
