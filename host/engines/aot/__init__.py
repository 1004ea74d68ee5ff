"""Engine ``aot``: compiles a quantized .tflite model ahead of time to calls of small C++ kernels.

No interpreter on the device and nothing from outside the project; outputs equal those of
TFLite-Micro's reference kernels, byte by byte.
"""

import json
from collections.abc import Sequence
from typing import ClassVar

from host import __version__
from host.engines.aot import emit, memory
from host.engines.aot.lower import lower
from host.firmware.rendered import Rendered, executed
from host.models.tflite import Graph


class AotEngine:
    """The Engine; see ``host.engines.Engine``."""

    name: ClassVar = "aot"
    plans_on_device: ClassVar = False
    runs_tflm: ClassVar = False
    # The kernels follow today's TFLM, whose dense layers know a scale for each channel.
    per_channel_dense = True

    def fingerprint(self, graph: Graph) -> str:
        """See ``Engine.fingerprint``."""
        return __version__

    def check(self, graph: Graph) -> None:
        """See ``Engine.check``."""
        lower(graph)

    def render(
        self, graph: Graph, arena: int | None = None, others: Sequence[Graph] = ()
    ) -> Rendered:
        """See ``Engine.render``. ``model.cc`` defines what model.h of the firmware declares."""
        lowered = lower(graph)
        blocks = memory.plan(graph, lowered)
        source = emit.Source(graph, lowered, blocks)
        return Rendered(
            engine=self.name,
            files={
                "model.cc": source.render(),
                "build.json": json.dumps({"engine": self.name}) + "\n",
            },
            digest=source.digest,
            arena_bytes=memory.arena_bytes(blocks),
            constant_bytes=sum(len(table.data) for table in source.tables.values()),
            operators=executed(step.operator for step in lowered),
            arena=blocks,
        )
