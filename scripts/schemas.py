"""Write docs/schemas/: the JSON schema of every command's report. `python -m scripts.schemas`"""

from host.base.paths import ROOT
from host.commands.evaluate.build_only import BuildDocument
from host.commands.evaluate.document import EvaluationDocument
from host.commands.explain.explanation import Explanation
from host.commands.profile.document import ProfileDocument
from host.commands.study.document import StudyDocument
from host.commands.trace.document import TraceDocument
from host.report.document import Document

FOLDER = ROOT / "docs" / "schemas"
# By command. Who adds one adds its document here.
DOCUMENTS: dict[str, type[Document]] = {
    "flash-and-eval": EvaluationDocument,
    "flash-and-eval-build-only": BuildDocument,
    "explain": Explanation,
    "profile": ProfileDocument,
    "study": StudyDocument,
    "trace": TraceDocument,
}


def main() -> None:
    """Write them all."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for command, document in DOCUMENTS.items():
        (FOLDER / f"{command}.json").write_text(document.schema_text(), "utf-8")


if __name__ == "__main__":
    main()
