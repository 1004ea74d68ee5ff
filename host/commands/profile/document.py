"""A profile, and the JSON object that it becomes."""

from dataclasses import dataclass
from typing import Literal

from host.deployment.deployed import Deployed, DeployedDocument, common
from host.deployment.document import Memory, memory
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


class ProfileDocument(DeployedDocument):
    """What every operator costs on a device."""

    schema_version: Literal[1] = 1
    samples: int
    """Number of samples that were run."""
    macs: int
    """Multiply-accumulates of one inference."""
    ticks_per_mac: float | None
    """Ticks for each of them; null where there are none."""
    latency: Latency
    """Ticks of an inference and of its operators."""
    memory: Memory
    """Memory on the device."""


def document(profile: Profile) -> ProfileDocument:
    """The profile's document; ``created`` is the time of this call."""
    device, latency = profile.deployed, profile.latency
    return ProfileDocument(
        **common(device),
        samples=len(device.loaded.feeds),
        macs=profile.macs,
        ticks_per_mac=latency.median / profile.macs if profile.macs else None,
        latency=latency,
        memory=memory(device.board, device.rendered, device.image, device.info),
    )
