"""Many pictures, in shards: listed once as Parquet files, and classified shard by shard."""
