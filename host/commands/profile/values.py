"""The values of `profile`."""

from __future__ import annotations

from dataclasses import dataclass

from host.deployment.deployed import Deployed
from host.verdict.latency import Latency


@dataclass(frozen=True)
class Profile:
    """What a model costs on a device, operator by operator."""

    deployed: Deployed
    latency: Latency

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(cost.macs for cost in self.latency.operators)
