"""Engine ``tflm``: TFLite-Micro's interpreter, from a library that PlatformIO brings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from host.base import isolated
from host.base.errors import ConfigError, OperatorError
from host.engines.library import Library, find_library
from host.engines.packages import specs
from host.firmware import cpp
from host.firmware.boards import Board
from host.firmware.rendered import ALIGNMENT, Rendered, aligned, executed
from host.models.tflite import Graph
from host.oracles.tflm_host import host_arena_bytes

# CMSIS-NN's kernels need scratch memory that the host's reference kernels do not; where the first
# guess is too small the device says so, and it is doubled.
_GUESS_MARGIN = 4096
_SLOT_OPTION = "model_slot"


@dataclass(frozen=True)
class TflmEngine:
    """The Engine; see ``host.engines.Engine``."""

    library: Library
    library_spec: str
    slot_limit: int
    name: ClassVar[str] = "tflm"
    plans_on_device: ClassVar[bool] = True
    runs_tflm: ClassVar[bool] = True

    @classmethod
    def for_board(cls, board: Board) -> TflmEngine:
        """The engine with the board's library.

        Raises:
            ToolMissingError: the library is not available.
            ConfigError: custom_model_slot is not a number.
        """
        library = find_library(board)
        slot = board.options.get(_SLOT_OPTION, "0")
        if not slot.isdigit():
            raise ConfigError(f"[env:{board.name}] custom_{_SLOT_OPTION} is not a number of bytes")
        return cls(library, "\n".join(specs(board)), int(slot))

    @property
    def per_channel_dense(self) -> bool:
        """See ``Engine``."""
        return self.library.per_channel_dense

    def fingerprint(self, graph: Graph) -> str:
        """See ``Engine.fingerprint``."""
        return self.library.fingerprint()

    def check(self, graph: Graph) -> None:
        """See ``Engine.check``."""
        for operator in graph.operators:
            where = graph.describe(operator)
            if operator.name not in self.library.methods:
                raise OperatorError(
                    f"{where} is not in the TFLite-Micro library {self.library.version}",
                    "Replace the operator in the model, or use a newer library.",
                )
            if graph.is_per_channel_dense(operator) and not self.per_channel_dense:
                raise OperatorError(
                    f"{where} has a scale for each channel, which the TFLite-Micro library "
                    f"{self.library.version} computes wrongly, without an error",
                    "Use a library from May 2024 or later, or --engine aot; or convert with "
                    "_experimental_disable_per_channel_quantization_for_dense_layers = True.",
                )

    def render(
        self, graph: Graph, arena: int | None = None, others: Sequence[Graph] = ()
    ) -> Rendered:
        """See ``Engine.render``. Without ``arena``, what TFLM on the host needs and a margin."""
        graphs, library = (graph, *others), self.library
        if arena is None:
            # The wheel may crash on a strange model.
            arena = isolated.call(_largest_arena, graphs) + _GUESS_MARGIN
        names = sorted({operator.name for g in graphs for operator in g.operators})
        largest = max([2 * len(graph.content), *(len(other.content) for other in others)])
        slot = min(self.slot_limit // ALIGNMENT * ALIGNMENT, aligned(largest))
        values = {
            "library": library.version,
            "operators": [library.call(name, int8=_only_int8(graphs, name)) for name in names],
            "content": cpp.byte_lines(graph.content),
            "arena_bytes": aligned(arena),
            "slot_bytes": slot,
            "message_arguments": library.message_arguments,
        }
        sources = library.sources(names)
        build = {
            "engine": self.name,
            "library": {
                "sources": {str(path): library.optimization(path) for path in sources},
                "includes": [str(path) for path in library.includes],
                "defines": library.defines,
                "fingerprint": library.fingerprint(),
            },
        }
        return Rendered(
            engine=self.name,
            files={
                "tflm_options.h": cpp.render("tflm_options.h.j2", **values),
                "tflm_model.cc": cpp.render("tflm_model.cc.j2", **values),
                "build.json": json.dumps(build, indent=1) + "\n",
            },
            digest=graph.sha256,
            arena_bytes=aligned(arena),
            constant_bytes=len(graph.content),
            operators=executed(graph.operators),
            arena=(),
            slot_bytes=slot,
            library=self.library_spec,
        )


def _only_int8(graphs: Sequence[Graph], name: str) -> bool:
    """Whether every operator of that name computes with int8 alone; its biases are int32."""
    types = [
        {graph.tensors[index].dtype for index in (*o.inputs, *o.outputs) if index >= 0}
        for graph in graphs
        for o in graph.operators
        if o.name == name
    ]
    return all("int8" in used and used <= {"int8", "int32"} for used in types)


def _largest_arena(graphs: Sequence[Graph]) -> int:
    """What TFLM on the host needs for the largest of them; a file's size where it cannot tell."""
    return max(host_arena_bytes(graph) or len(graph.content) for graph in graphs)
