"""Who gives a command: the name under which the API server knows this user."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from modelwright.cluster.access import Cluster


async def own_name(cluster: Cluster) -> str | None:
    """None where the user may not even ask."""
    from modelwright.cluster.access import Forbidden
    from modelwright.cluster.keys import Kind

    review = Kind("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False)
    try:
        answer = await cluster.create(review, {"apiVersion": review.api_version, "kind": review.name, "metadata": {}})
    except Forbidden:
        return None
    return str(answer["status"]["userInfo"]["username"])
