-- The rows of label_segments of all jobs.
CREATE TABLE IF NOT EXISTS all_segments (
    job_id string,
    label string,
    completed_at_ms bigint,
    start_timestamp_ms bigint,
    end_timestamp_ms bigint,
    duration_ms bigint,
    confidence float,
    parents array<string>,
    aliases array<string>,
    categories array<string>,
    label_name string
)
PARTITIONED BY (bucket(32, label))
LOCATION '${Location}/all/all_segments/{run}'
-- With a threshold of 1, OPTIMIZE rewrites every file with deleted rows, so these are physically gone.
TBLPROPERTIES (
    'table_type' = 'ICEBERG',
    'format' = 'parquet',
    'write_compression' = 'zstd',
    'optimize_rewrite_delete_file_threshold' = '1'
)
