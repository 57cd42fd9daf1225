"""What `edgetl classify --index` does."""

from edgetl.edge.shards.engine import Shards, check_root
from edgetl.edge.shards.manifest import Manifest, read_manifest
from edgetl.edge.shards.options import ClassifyIndexOptions
from edgetl.edge.shards.outcome import IndexOutcome, numbers_of, outcome_of
from edgetl.edge.shards.progress import Progress, stopped_said
from edgetl.edge.shards.results_folder import Purpose, ResultsFolder
from edgetl.edge.shards.work import Classification
from edgetl.edge.system.shutdown import GracefulShutdown


def classify_index(options: ClassifyIndexOptions) -> IndexOutcome:
    """Classify the pictures of an index; shards that are done are left as they are.

    A signal ends it with the shard in work lost; the next run goes on.

    Raises:
        RecordError: the index is missing, not finished or damaged.
        SourceError: the pictures' folder is not there, or a store fails.
        SettingError: the results folder holds others, or an option does not fit the model.
        ModelFileError: the model or its labels cannot be used.
        SinkError: the results cannot be written.
    """
    with GracefulShutdown(), stopped_said():
        manifest = read_manifest(options.index)
        check_root(manifest.root)
        work = Classification(options)
        shards = opened_shards(options, manifest, work)
        numbers = numbers_of(options.shard, shards.manifest.shards)
        total = sum(map(shards.manifest.rows_of, numbers))
        progress = Progress("pictures", total=total)
        if options.ray is None:
            found = shards.do_each(numbers, work, on_rows=progress.add)
        else:
            from edgetl.edge.shards.ray_pool import done_by_actors

            found = done_by_actors(options, shards, numbers)
        return outcome_of(found, progress, reported=options.ray is None)


def opened_shards(
    options: ClassifyIndexOptions, manifest: Manifest, work: Classification
) -> Shards:
    """The shards of an index, and the results folder that the options name.

    Raises:
        As `classify_index`.
    """
    purpose = Purpose(
        manifest.identity, manifest.root, work.model.content_sha256, work.settings.values
    )
    results = ResultsFolder(options.out, purpose, work=work.sha256)
    return Shards(options.index, manifest, results)
