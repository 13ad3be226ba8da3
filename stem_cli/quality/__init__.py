"""The judge: what a result shows of its quality without the true stems."""

from stem_cli.quality.judge import figures, figures_of_files, vocals_db
from stem_cli.quality.quick import again, quick
from stem_cli.quality.verdict import Verdict, judged, verdict_of, words
from stem_cli.quality.watch import Watch

__all__ = [
    "Verdict",
    "Watch",
    "again",
    "figures",
    "figures_of_files",
    "judged",
    "quick",
    "verdict_of",
    "vocals_db",
    "words",
]
