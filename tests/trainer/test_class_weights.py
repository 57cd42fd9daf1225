import pytest

from edgetl.trainer.data.checks import class_weights


@pytest.mark.parametrize("count", [1, 3, 7, 1000, 12_345])
@pytest.mark.parametrize("classes", [2, 3, 7, 49])
def test_equal_classes_weigh_exactly_one(count: int, classes: int) -> None:
    assert class_weights({str(n): count for n in range(classes)}) == (1.0,) * classes


def test_unequal_classes_weigh_alike_and_one_picture_weighs_one_on_average() -> None:
    train = {"cat": 20, "dog": 5, "owl": 75}
    weights = class_weights(train)
    assert weights == pytest.approx((100 / 60, 100 / 15, 100 / 225))
    totals = [weight * count for weight, count in zip(weights, train.values(), strict=True)]
    assert totals == pytest.approx([100 / 3] * 3)
    assert sum(totals) == pytest.approx(100)
