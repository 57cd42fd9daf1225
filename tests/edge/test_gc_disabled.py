import gc

import pytest

from edgetl.edge.system.gc_disabled import gc_disabled


def test_what_is_allocated_meanwhile_is_never_collected_and_collecting_goes_on_afterwards() -> None:
    kept: list[list[int]] = []
    before = gc.get_freeze_count()
    try:
        with gc_disabled():
            assert not gc.isenabled()
            kept.append([1])
        assert gc.isenabled()
        assert gc.get_freeze_count() > before
        assert not any(found is kept[0] for found in gc.get_objects())
        with pytest.raises(ImportError), gc_disabled():
            raise ImportError
        assert gc.isenabled()
    finally:
        gc.unfreeze()
