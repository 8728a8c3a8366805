"""The command `modelwright`."""

from __future__ import annotations

import click

from modelwright import __version__
from modelwright.cli import kubectl
from modelwright.cli.audit import audit
from modelwright.cli.lineage import lineage
from modelwright.cli.lint import lint
from modelwright.cli.retraining import cancel, retrain
from modelwright.cli.run import run
from modelwright.cli.runs import runs
from modelwright.cli.settle import settle
from modelwright.cli.simulate import simulate


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Retrain models that got worse, and roll the results out step by step."""


# The playground's own commands read the arguments: it is imported only when it is asked for, and may not be there.
@main.command(add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def playground(arguments: tuple[str, ...]) -> None:
    """A whole cluster on this machine: up, status, down."""
    try:
        from modelwright_playground.cli import playground as group
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing.split(".")[0] == "modelwright_playground":
            message = "the playground is part of the source checkout, not of the installed package: run this in a clone"
        else:
            message = f"the playground needs the Python package {missing}: install the dependency group `playground`"
        raise click.ClickException(message) from error
    group.main(args=list(arguments), prog_name="modelwright playground")


main.add_command(run)
main.add_command(audit)
main.add_command(lint)
main.add_command(lineage)
main.add_command(kubectl.main, "rollout")
main.add_command(retrain)
main.add_command(cancel)
main.add_command(runs)
main.add_command(settle)
main.add_command(simulate)
