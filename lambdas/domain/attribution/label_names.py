"""The names of labels in tags and in metadata, and the labels found by these names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lambdas.domain.attribution.labels import NO_LABELS, Labels, read_label
from lambdas.domain.attribution.tags import Tags
from lambdas.domain.invocations import RequestMetadata


@dataclass(frozen=True, slots=True)
class LabelNames:
    """The names of each label in tags and in `requestMetadata`; earlier names go first.

    Tags are compared without regard to case, as IAM does it; metadata exactly. Names have no dates:
    a new name is added beside the old one, or calls with the old label lose it.

    Attributes:
        project: Names of the project's label.
        department: Names of the department's label.
        use_case: Names of the use case's label.
    """

    project: tuple[str, ...] = ("project",)
    department: tuple[str, ...] = ("department",)
    use_case: tuple[str, ...] = ("use_case",)

    @property
    def tag_names(self) -> frozenset[str]:
        """The names of all labels, in lower case."""
        return frozenset(name.casefold() for names in self._by_label for name in names)

    @property
    def metadata_names(self) -> frozenset[str]:
        """The names of all labels, as `requestMetadata` spells them."""
        return frozenset(name for names in self._by_label for name in names)

    def read_tags(self, tags: Tags) -> Labels:
        """Read labels from tags."""
        if not tags:
            return NO_LABELS
        values = dict(tags)
        return Labels(*(_first(values, map(str.casefold, names)) for names in self._by_label))

    def read_metadata(self, metadata: RequestMetadata) -> Labels:
        """Read labels from metadata, without regard to its writer."""
        values = dict(metadata)
        return Labels(*(_first(values, names) for names in self._by_label))

    def appear_in(self, metadata: RequestMetadata) -> bool:
        """Return true when metadata contains the name of a label."""
        return not self.metadata_names.isdisjoint(name for name, _ in metadata)

    @property
    def _by_label(self) -> tuple[tuple[str, ...], ...]:
        return self.project, self.department, self.use_case


def _first(values: Mapping[str, str], names: Iterable[str]) -> str | None:
    """The first value by one of these names that is a label."""
    for name in names:
        text = values.get(name)
        label = None if text is None else read_label(text)
        if label is not None:
            return label
    return None
