"""Doubtful labels, with cleanlab as the oracle: it is of the authors of confident learning."""

import numpy as np
import pytest

from edgetl.trainer.data.dataset import Example
from edgetl.trainer.doubtful.confident_learning import (
    DoubtfulLabel,
    check_labels,
    ranked,
    suggested_classes,
)
from edgetl.trainer.fitting.linear_head import cross_validated_probabilities


def probabilities(seed: int, classes: int, count: int = 600) -> tuple[np.ndarray, np.ndarray]:
    """Of a model that is surer of some classes than of others, and labels of which some are wrong.

    float32 [count, classes] and int [count].
    """
    random = np.random.default_rng(seed)
    true = random.integers(0, classes, count)
    logits = random.normal(size=(count, classes))
    logits[np.arange(count), true] += np.linspace(1, 4, classes)[true]
    exponents = np.exp(logits)
    wrong = random.random(count) < 0.1
    targets = np.where(wrong, (true + random.integers(1, classes, count)) % classes, true)
    return (exponents / exponents.sum(axis=1, keepdims=True)).astype(np.float32), targets


@pytest.mark.parametrize("classes", [2, 3, 10])
@pytest.mark.parametrize("seed", [0, 1])
def test_doubtful_labels_and_their_order_are_cleanlabs(classes: int, seed: int) -> None:
    cleanlab = pytest.importorskip("cleanlab", reason="cleanlab, of the [dev] extra")
    found, targets = probabilities(seed, classes)
    expected = cleanlab.filter.find_label_issues(
        targets,
        found,
        filter_by="confident_learning",
        return_indices_ranked_by="normalized_margin",
    )
    suggested = suggested_classes(found, targets)
    doubted = [row for row in ranked(found, targets) if suggested[row] != targets[row]]
    assert len(doubted) > 20
    # cleanlab's order of equal margins is not stable.
    assert set(doubted) == set(expected)
    scores = cleanlab.rank.get_normalized_margin_for_each_label(targets, found)
    np.testing.assert_allclose(scores[doubted], scores[expected], atol=1e-6)


def test_the_suggestion_is_the_likeliest_of_the_classes_that_are_reached() -> None:
    # The mean of class 0's own photos is 0.6, of class 1's 0.8 and of class 2's 0.3.
    found = np.array(
        [
            [0.9, 0.1, 0.0],
            [0.3, 0.3, 0.4],  # 0, but 2 is reached, and likeliest
            [0.1, 0.8, 0.1],
            [0.1, 0.55, 0.35],  # 2, and likeliest is 1, which is not reached: nothing is said
            [0.35, 0.4, 0.25],  # 2: no class is reached
        ],
        np.float32,
    )
    targets = np.array([0, 0, 1, 2, 2])
    assert suggested_classes(found, targets).tolist() == [0, 2, 1, 2, 2]


def test_a_class_without_photos_is_never_suggested() -> None:
    found = np.array([[0.2, 0.1, 0.7], [0.1, 0.9, 0.0]], np.float32)
    assert suggested_classes(found, np.array([0, 1])).tolist() == [0, 1]


def test_swapped_labels_are_found_by_heads_that_did_not_learn_from_them() -> None:
    random = np.random.default_rng(3)
    labels = ("cat", "dog", "fish")
    true = np.arange(600) % 3
    features = (random.normal(size=(600, 20)) + 3 * np.eye(3, 20)[true]).astype(np.float32)
    swapped = random.permutation(600)[:30]
    targets = true.copy()
    targets[swapped] = (true[swapped] + random.integers(1, 3, 30)) % 3
    folds = random.integers(0, 3, 600)
    found = cross_validated_probabilities(features, targets, folds, classes=3, strengths=[1e-2])[
        1e-2
    ]
    examples = [Example(f"{labels[t]}/{i}.jpg", labels[t], None) for i, t in enumerate(targets)]
    check = check_labels(examples, labels, found)
    first, doubtful = set(check.ranking[: round(0.075 * 600)]), check.doubtful
    assert sum(examples[row].file in first for row in swapped) >= 27
    right = {f"{labels[targets[row]]}/{row}.jpg": labels[true[row]] for row in swapped}
    found_right = [one for one in doubtful if right.get(one.file) == one.suggested]
    assert len(found_right) >= 22
    assert isinstance(doubtful[0], DoubtfulLabel)
    assert doubtful[0].probability > 0.9
    assert len(doubtful) < 60
    assert [one.file for one in doubtful] == [
        file for file in check.ranking if file in {one.file for one in doubtful}
    ]
    assert check_labels(examples, labels, None).ranking == ()
