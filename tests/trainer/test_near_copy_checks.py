from edgetl.trainer.data.checks import DataSummary, summary_lines
from edgetl.trainer.data.dataset import Split
from edgetl.trainer.data.groups import with_groups
from tests.trainer.test_data_check import PLENTY, made, summary_of


def grouped(*groups: list[str], pictures: dict[Split, dict[str, int]] = PLENTY) -> DataSummary:
    return summary_of(with_groups(made(pictures), groups))


def test_near_copies_are_counted() -> None:
    summary = grouped(
        ["train/a/1.jpg", "train/a/2.jpg", "train/a/3.jpg"], ["test/b/1.jpg", "test/b/2.jpg"]
    )
    lines = "\n".join(summary_lines(summary)).replace("\n           ", " ").split("\n")
    assert (
        "alike      2 groups of near-copies, 5 pictures in all, the largest of 3; split.json lists "
        "them" in lines
    )
    assert summary.warnings == ()
    assert not any("near-copies" in line for line in summary_lines(summary_of(made(PLENTY))))


def test_near_copies_that_train_and_test_share_are_warned_of() -> None:
    summary = grouped(
        ["train/a/1.jpg", "test/a/1.jpg", "test/a/2.jpg"], ["train/b/1.jpg", "train/b/2.jpg"]
    )
    assert summary.warnings == (
        "2 of 50 test pictures have near-copies in train; after training the accuracy without them "
        "is given too",
    )


def test_near_copies_of_several_classes_are_warned_of() -> None:
    summary = grouped(["train/a/1.jpg", "train/b/1.jpg"])
    assert summary.warnings == (
        "1 group of near-copies holds several classes, such as train/a/1.jpg and train/b/1.jpg; "
        "look whether the classes are right",
    )


def test_a_class_of_near_copies_alone_and_one_big_group_are_warned_of() -> None:
    every = [e.file for e in made(PLENTY).examples if e.label == "a"]
    (seen, whole) = grouped(every).warnings
    assert seen.startswith("25 of 50 test pictures have near-copies in train")
    assert whole.startswith("all pictures of the class 'a' are near-copies of each other")
    (mixed, large) = grouped([e.file for e in made(PLENTY).examples if e.split == "train"]).warnings
    assert mixed.startswith("1 group of near-copies holds several classes")
    assert large.startswith("60 of 160 pictures are near-copies of each other")
