-- The rows of jobs, in a few files. A row is written last: a job that is in all_jobs is complete in the other tables.
CREATE TABLE IF NOT EXISTS all_jobs (
    job_id string,
    status string,
    status_message string,
    job_tag string,
    video_bucket string,
    video_key string,
    video_version string,
    completed_at_ms bigint,
    label_model_version string,
    codec string,
    format string,
    color_range string,
    video_duration_ms bigint,
    frame_rate float,
    frame_width bigint,
    frame_height bigint,
    aggregate_by array<string>,
    label_count int,
    detection_count bigint,
    row_count bigint,
    segment_count bigint,
    labels array<struct<label:string,detections:bigint,instances:bigint,segments:bigint,first_timestamp_ms:bigint,last_timestamp_ms:bigint,max_confidence:float>>,
    content string
)
LOCATION '${Location}/all/all_jobs/{run}'
-- With thresholds of 1, OPTIMIZE rewrites every file with deleted rows, so these are physically gone. By default, Athena
-- leaves a file alone until two files of deletions belong to it, and until five files are to be rewritten.
TBLPROPERTIES (
    'table_type' = 'ICEBERG',
    'format' = 'parquet',
    'write_compression' = 'zstd',
    'optimize_rewrite_data_file_threshold' = '1',
    'optimize_rewrite_delete_file_threshold' = '1'
)
