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
-- With thresholds of 1, OPTIMIZE rewrites every file with deleted rows, so these are physically gone. By default, Athena
-- leaves a file alone until two files of deletions belong to it, and until five files are to be rewritten.
TBLPROPERTIES (
    'table_type' = 'ICEBERG',
    'format' = 'parquet',
    'write_compression' = 'zstd',
    'optimize_rewrite_data_file_threshold' = '1',
    'optimize_rewrite_delete_file_threshold' = '1'
)
