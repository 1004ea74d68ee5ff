"""A profile as one JSON object."""

from typing import Literal

from host.commands.profile.advice import advice
from host.deployment.deployed import Deployed, DeployedDocument
from host.deployment.document import Memory, memory
from host.report.document import derived
from host.verdict.latency import Latency


class ProfileDocument(DeployedDocument):
    """What every operator costs on a device."""

    schema_version: Literal[1] = 1
    samples: int
    """Number of samples that were run."""
    advice: tuple[str, ...]
    """What would save more than 5 % of an inference, in whole sentences."""
    latency: Latency
    """Ticks of an inference and of its operators."""
    memory: Memory

    @derived
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(cost.macs for cost in self.latency.operators)

    @derived
    def ticks_per_mac(self) -> float | None:
        """Ticks for each of them; null where there are none."""
        return self.latency.median / self.macs if self.macs else None


def document(device: Deployed, latency: Latency) -> ProfileDocument:
    """The profile's document; ``created`` is the time of this call."""
    return ProfileDocument.about(
        device,
        samples=len(device.loaded.feeds),
        advice=advice(device.loaded.graph, latency.operators),
        latency=latency,
        memory=memory(device.board, device.rendered, device.image, device.info),
    )
