"""What `train` would find in a folder of photos, without training. Imports no TensorFlow."""

from edgetl.edge.errors import SettingError, quoted
from edgetl.edge.model.latest import RUNS
from edgetl.edge.system.gc_disabled import gc_disabled
from edgetl.edge.system.native_log import hidden_native_log
from edgetl.trainer.config import recipe_from
from edgetl.trainer.data.archives import ARCHIVE_CACHE, data_folder
from edgetl.trainer.data.cache_entries import CACHE_NAME
from edgetl.trainer.data.picture_cache import decode_pictures
from edgetl.trainer.data.scanning import scan
from edgetl.trainer.data.selection import select_photos
from edgetl.trainer.doubtful.moves import check_moves_path, suggested_moves, write_moves
from edgetl.trainer.inspecting.found import Inspection
from edgetl.trainer.inspecting.page import write_inspection_page
from edgetl.trainer.options import InspectOptions


def inspect(options: InspectOptions) -> Inspection:
    """Find and decode a folder's photos, check them as `edgetl train` does, and write the page.

    Raises:
        DataError: there is no such folder, or it cannot be trained on.
        SettingError: the size is out of range, or the page or the moves would overwrite what is
            no page and no moves.
        RunFolderError: the cache of decoded photos, the moves or the page cannot be written.
    """
    data = options.data_or_default
    if options.page.suffix.lower() not in (".html", ".htm"):
        raise SettingError(
            f"--page {quoted(options.page)}: its name does not end in .html; a file of that name "
            f"would be overwritten"
        )
    if options.moves:
        check_moves_path(options.moves)
    recipe = recipe_from({"image_size": options.image_size} if options.image_size else {})
    cache = RUNS / CACHE_NAME
    folder = data_folder(data, cache=RUNS.joinpath(*ARCHIVE_CACHE))
    found = scan(folder)
    paths = [found.path(example) for example in found.examples]
    decoded = decode_pictures(paths, recipe.input_size, cache=cache)
    dataset, summary = select_photos(found, decoded, recipe)
    rows = {example.file: row for row, example in enumerate(found.examples)}
    below = found.root.relative_to(folder).as_posix()
    labels = None
    if options.checks_labels:
        with hidden_native_log(), gc_disabled():
            from edgetl.trainer.frozen_head import frozen_label_check
        labels = frozen_label_check(found, decoded, dataset, recipe, cache=cache)
    if labels and options.moves:
        write_moves(options.moves, suggested_moves(labels.doubtful, below=below))
    inspection = Inspection(dataset, summary, decoded, rows, data, below, labels, options.moves)
    write_inspection_page(options.page, inspection)
    return inspection
