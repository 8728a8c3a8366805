"""Who is refused when the API server, here a fake, answers 403: we, or the object by a webhook of somebody."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from aiohttp import web

from modelwright.cluster.access import Cluster, Forbidden
from modelwright.cluster.keys import INFERENCE_SERVICE
from modelwright.errors import InvalidSpec, ModelwrightError

OURS = 'inferenceservices.serving.kserve.io "fraud" is forbidden: User "modelwright" cannot patch resource'
THEIRS = 'admission webhook "kserve-webhook-server.validator" denied the request: canary is only supported in'


@pytest.mark.parametrize(("says", "error"), [(OURS, Forbidden), (THEIRS, InvalidSpec)])
async def test_what_a_webhook_denies_is_invalid_and_not_a_right_that_we_lack(
    tmp_path: Path, unused_tcp_port: int, says: str, error: type[ModelwrightError]
) -> None:
    async def refuse(_: web.Request) -> web.Response:
        return web.json_response({"kind": "Status", "status": "Failure", "message": says, "code": 403}, status=403)

    app = web.Application()
    app.router.add_patch("/{path:.*}", refuse)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    config = {
        "clusters": [{"name": "fake", "cluster": {"server": f"http://127.0.0.1:{unused_tcp_port}"}}],
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "fake"}}],
        "users": [{"name": "fake", "user": {}}],
        "current-context": "fake",
    }
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(config))
    cluster = await Cluster.connect(str(tmp_path / "kubeconfig"))
    try:
        with pytest.raises(error, match=says[-20:]):
            await cluster.json_patch(INFERENCE_SERVICE, "ml", "fraud", [])
    finally:
        await cluster.close()
        await runner.cleanup()
