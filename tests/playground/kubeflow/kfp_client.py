"""Drives the server with kfp.Client, unchanged, in the pipelines' environment: `kfp_client.py <url> <package>`.

Prints what each call answered as one JSON object, for the test to judge.
"""

import json
import sys
import warnings

warnings.filterwarnings("ignore")

import kfp  # noqa: E402

client = kfp.Client(host=sys.argv[1])
package = sys.argv[2]
said = {}

pipeline = client.upload_pipeline(package, "sdk")
version = client.upload_pipeline_version(package, "sdk-2", pipeline_id=pipeline.pipeline_id)
said["id by name"] = client.get_pipeline_id("sdk") == pipeline.pipeline_id
said["versions"] = client.list_pipeline_versions(pipeline.pipeline_id, sort_by="created_at desc").total_size

experiment = client.create_experiment("sdk-experiment")
by_version = client.run_pipeline(
    experiment.experiment_id, "sdk-run", pipeline_id=pipeline.pipeline_id, version_id=version.pipeline_version_id
)
by_package = client.create_run_from_pipeline_package(package, run_name="sdk-run", experiment_name="sdk-experiment")
canceled = client.create_run_from_pipeline_package(package, run_name="sdk-canceled", enable_caching=False)
client.terminate_run(canceled.run_id)
said["same experiment"] = by_package.run_info.experiment_id == experiment.experiment_id
said["ended"] = [client.wait_for_run_completion(run, 240, 0.1).state for run in (by_version.run_id, by_package.run_id)]

named = json.dumps({"predicates": [{"operation": "EQUALS", "key": "display_name", "stringValue": "sdk-run"}]})
first = client.list_runs(page_size=1, filter=named)
second = client.list_runs(page_size=1, filter=named, page_token=first.next_page_token)
said["pages"] = sorted(run.run_id for page in (first, second) for run in page.runs) == sorted(
    (by_version.run_id, by_package.run_id)
)
said["last page"] = second.next_page_token
said["in experiment"] = client.list_runs(experiment_id=experiment.experiment_id).total_size
said["canceled"] = [entry.state for entry in client.get_run(canceled.run_id).state_history][-1]
client.archive_run(by_version.run_id)
said["archived"] = client.get_run(by_version.run_id).storage_state
client.delete_run(by_version.run_id)
said["healthy"] = client.get_kfp_healthz().pipeline_store

print("\n" + json.dumps(said))
