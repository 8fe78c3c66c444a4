"""Labels are read from tags and metadata by their names."""

from lambdas.domain.attribution import LabelNames, Labels


def test_labels_are_read_by_their_configured_names() -> None:
    names = LabelNames(project=("Cost-Center", "project"), department=("dept",), use_case=())
    tags = (("cost-center", "4711"), ("dept", "sales"), ("project", "search"), ("use_case", "x"))
    assert names.read_tags(tags) == Labels("4711", "sales", None)
    assert names.read_tags(tags[1:]) == Labels("search", "sales", None)
    assert names.tag_names == {"cost-center", "project", "dept"}


def test_an_invalid_value_leaves_the_label_to_the_next_name() -> None:
    names = LabelNames(project=("project", "team"))
    assert names.read_tags((("project", " "), ("team", "core"))).project == "core"
    assert names.read_metadata((("project", "unattributed"), ("team", ""))) == Labels()


def test_metadata_is_read_by_its_exact_name() -> None:
    names = LabelNames()
    assert names.read_metadata((("Project", "a"), ("project", "b"))) == Labels(project="b")
    assert names.appear_in((("project", "b"),))
    assert not names.appear_in((("Project", "a"), ("trace", "c")))
