-- The rows of label_detections of all jobs. The location has a folder of its own for each time the table is created,
-- because an Iceberg table must not be created where files are.
CREATE TABLE IF NOT EXISTS all_detections (
    job_id string,
    label string,
    completed_at_ms bigint,
    timestamp_ms bigint,
    confidence float,
    instance_count int,
    instance_index int,
    instance_confidence float,
    bbox_left float,
    bbox_top float,
    bbox_width float,
    bbox_height float,
    parents array<string>,
    aliases array<string>,
    categories array<string>,
    dominant_colors string,
    label_name string
)
PARTITIONED BY (bucket(32, label))
LOCATION '${Location}/all/all_detections/{run}'
-- With thresholds of 1, OPTIMIZE rewrites every file with deleted rows, so these are physically gone. By default, Athena
-- leaves a file alone until two files of deletions belong to it, and until five files are to be rewritten.
TBLPROPERTIES (
    'table_type' = 'ICEBERG',
    'format' = 'parquet',
    'write_compression' = 'zstd',
    'optimize_rewrite_data_file_threshold' = '1',
    'optimize_rewrite_delete_file_threshold' = '1'
)
