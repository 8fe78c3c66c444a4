"""Usage per identity and per model, added up from calls."""

from lambdas.domain.usage.summary import UsageFigures, UsageSummary, total_figures

__all__ = ["UsageFigures", "UsageSummary", "total_figures"]
