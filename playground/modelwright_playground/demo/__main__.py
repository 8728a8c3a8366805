"""`make demo`. Exit code 0 only if every expectation held."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import click
from rich.console import Console

from modelwright.cluster.access import Cluster
from modelwright.errors import ModelwrightError
from modelwright_playground.controlplane.build import binary
from modelwright_playground.demo.expectations import Expectations
from modelwright_playground.demo.picture import draw
from modelwright_playground.demo.report import write_report
from modelwright_playground.demo.scenario import HOTFIX, Scenario
from modelwright_playground.demo.stage import NEW_PLAN, Stage
from modelwright_playground.demo.view import View
from modelwright_playground.demo.witness import Witness
from modelwright_playground.instance import Instance
from modelwright_playground.lifecycle import start, stop

BINARIES = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl", "prometheus", "helm")


@click.command()
@click.option("--report", type=click.Path(path_type=Path, dir_okay=False), default=Path("demo-report.json"))
@click.option("--keep", is_flag=True, help="Leave the playground running at the end, and say how to use it.")
@click.option("--plain", is_flag=True, help="Print lines even on a terminal.")
def main(report: Path, keep: bool, plain: bool) -> None:
    """Watch a model degrade, be retrained and rolled out, and a bad one be rolled back."""
    console = Console(force_terminal=False if plain else None, highlight=False)
    folder = Path(tempfile.mkdtemp(prefix="modelwright-demo-"))
    kept = False
    try:
        for name in BINARIES:
            binary(name)
        instance = Instance.create("demo", folder)
        try:
            ok = asyncio.run(_interruptible(instance, console, report, keep=keep))
            kept = keep
        finally:
            if not kept:
                stop(instance)
    except ModelwrightError as error:
        raise click.ClickException(str(error)) from error
    except (KeyboardInterrupt, asyncio.CancelledError):
        console.print("interrupted; everything is stopped")
        sys.exit(130)
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)
    _say_what_is_next(console, instance, kept)
    sys.exit(0 if ok else 1)


async def _interruptible(instance: Instance, console: Console, report: Path, *, keep: bool) -> bool:
    task = asyncio.ensure_future(_demo(instance, View(console), report, keep=keep))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task


async def _demo(instance: Instance, view: View, report: Path, *, keep: bool) -> bool:
    began = time.time()
    stage = Stage(instance)
    view.step("starting the playground: etcd, kube-apiserver, controller manager, node, Envoy, Prometheus, Kubeflow")
    # In this thread, so that the kernel ends the supervisor with us, unless it is to stay; history is made meanwhile.
    history = asyncio.create_task(stage.make_history())
    await asyncio.sleep(0)
    start(instance, detached=keep)
    seconds = {"playground": time.time() - began}
    view.step(f"ready after {seconds['playground']:.0f} s; training a first model, uploading the pipeline, installing")
    await history
    cluster = await Cluster.connect(str(instance.kubeconfig))
    witness = Witness(cluster, stage.load_url, told=view.moment)
    expectations = Expectations(view.expectation)
    try:
        v1, _ = await asyncio.gather(stage.make_model("v1"), stage.install_operator(cluster))
        stage.upload_pipeline()
        await stage.apply_manifests(cluster, v1)
        hotfix = await stage.make_model(HOTFIX, "--kind", "hotfix", "--exclude", NEW_PLAN)
        scenario = Scenario(stage, witness, expectations, v1, hotfix)
        watching = asyncio.create_task(witness.watch())
        with view.live(witness):
            await scenario.play()
        runs = await scenario.pipeline_runs()
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
    finally:
        stage.stop_load()
        await cluster.close()
    seconds["whole"] = time.time() - began
    write_report(report, expectations, witness, runs, scenario.rollback, seconds)
    draw(report.with_suffix(".png"), witness)
    view.summary()
    held = sum(expectation.ok for expectation in expectations.decided)
    view.step(f"{held} of {len(expectations.decided)} expectations held; see {report} and {report.with_suffix('.png')}")
    return expectations.all_hold


def _say_what_is_next(console: Console, instance: Instance, kept: bool) -> None:
    if kept:
        console.print(
            f"""
The playground still runs. Its ModelRollout is Degraded, as it should be: the hotfix that Git asks for was rejected.
Look around:
  export KUBECONFIG={instance.kubeconfig} PATH={instance.dir}/bin:$PATH
  kubectl -n ml get rp,rr,mro
  kubectl -n ml describe mro churn
  kubectl -n ml events --for mro/churn
Send traffic again, until Ctrl-C:
  .venv/bin/python {" ".join(Stage(instance).load_arguments())}
Stop it:
  .venv/bin/modelwright playground down --dir {instance.dir} --purge""",
            soft_wrap=True,
        )
    else:
        console.print(
            """
Next:
  make demo DEMO_ARGS=--keep             the same, and the playground stays up for kubectl
  .venv/bin/modelwright playground up    an empty one; then apply what is in examples/""",
            soft_wrap=True,
        )


if __name__ == "__main__":
    main()
