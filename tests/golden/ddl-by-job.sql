-- The tables of Label Lake for Athena
-- In the three LOCATION lines, replace BUCKET with your bucket and the prefix of the lake, if any. Or pass
-- --bucket and --prefix to the command.
-- Athena runs one statement at a time. Each statement ends with a semicolon.
-- The tables label_detections_by_job and label_segments_by_job need no registered partitions: Athena derives the
-- location from the job. Every query must therefore compare job_id with literals, by = or IN. A join or a
-- subquery is not enough.

CREATE DATABASE IF NOT EXISTS `label_lake`;

CREATE EXTERNAL TABLE IF NOT EXISTS `label_lake`.`label_detections_by_job` (
  `timestamp_ms` bigint COMMENT 'Timestamp: milliseconds from the start of the video',
  `confidence` float COMMENT 'Label.Confidence, 0 to 100',
  `instance_count` int COMMENT 'number of Label.Instances, null if absent',
  `instance_index` int COMMENT 'position in Label.Instances from 0, null without instances',
  `instance_confidence` float COMMENT 'Instance.Confidence, 0 to 100',
  `bbox_left` float COMMENT 'Instance.BoundingBox.Left, ratio of the frame width (may be outside 0 to 1)',
  `bbox_top` float COMMENT 'Instance.BoundingBox.Top, ratio of the frame height (may be outside 0 to 1)',
  `bbox_width` float COMMENT 'Instance.BoundingBox.Width, ratio of the frame width (may be outside 0 to 1)',
  `bbox_height` float COMMENT 'Instance.BoundingBox.Height, ratio of the frame height (may be outside 0 to 1)',
  `parents` array<string> COMMENT 'names of Label.Parents, in the order returned, null if absent',
  `aliases` array<string> COMMENT 'names of Label.Aliases, in the order returned, null if absent',
  `categories` array<string> COMMENT 'names of Label.Categories, in the order returned, null if absent',
  `dominant_colors` string COMMENT 'Instance.DominantColors as JSON, not returned for video today',
  `label_name` string COMMENT 'exact Label.Name, null if absent'
)
COMMENT 'one row for each instance of a detected label, and one for each detection without instances. Every query must compare job_id with literals, by = or IN'
PARTITIONED BY (
  `job_id` string COMMENT 'JobId that Rekognition gave'
)
STORED AS PARQUET
LOCATION 's3://BUCKET/label_detections/'
TBLPROPERTIES ('classification' = 'parquet', 'projection.enabled' = 'true', 'projection.job_id.type' = 'injected');

CREATE EXTERNAL TABLE IF NOT EXISTS `label_lake`.`label_segments_by_job` (
  `start_timestamp_ms` bigint COMMENT 'StartTimestampMillis: milliseconds from the start of the video',
  `end_timestamp_ms` bigint COMMENT 'EndTimestampMillis: milliseconds from the start of the video',
  `duration_ms` bigint COMMENT 'DurationMillis: milliseconds',
  `confidence` float COMMENT 'Label.Confidence, 0 to 100: the highest in the segment',
  `parents` array<string> COMMENT 'names of Label.Parents, in the order returned, null if absent',
  `aliases` array<string> COMMENT 'names of Label.Aliases, in the order returned, null if absent',
  `categories` array<string> COMMENT 'names of Label.Categories, in the order returned, null if absent',
  `label_name` string COMMENT 'exact Label.Name, null if absent'
)
COMMENT 'one row for each segment of the video in which a label is detected. Every query must compare job_id with literals, by = or IN'
PARTITIONED BY (
  `job_id` string COMMENT 'JobId that Rekognition gave'
)
STORED AS PARQUET
LOCATION 's3://BUCKET/label_segments/'
TBLPROPERTIES ('classification' = 'parquet', 'projection.enabled' = 'true', 'projection.job_id.type' = 'injected');

CREATE EXTERNAL TABLE IF NOT EXISTS `label_lake`.`jobs` (
  `job_id` string COMMENT 'JobId that Rekognition gave',
  `status` string COMMENT 'SUCCEEDED or FAILED',
  `status_message` string COMMENT 'StatusMessage: why the job failed',
  `job_tag` string COMMENT 'JobTag given to StartLabelDetection',
  `video_bucket` string COMMENT 'bucket of the video',
  `video_key` string COMMENT 'key of the video',
  `video_version` string COMMENT 'version of the video as an S3 object',
  `completed_at_ms` bigint COMMENT 'Timestamp of the completion message: Unix milliseconds',
  `label_model_version` string COMMENT 'LabelModelVersion',
  `codec` string COMMENT 'VideoMetadata.Codec',
  `format` string COMMENT 'VideoMetadata.Format',
  `color_range` string COMMENT 'VideoMetadata.ColorRange: FULL or LIMITED',
  `video_duration_ms` bigint COMMENT 'VideoMetadata.DurationMillis',
  `frame_rate` float COMMENT 'VideoMetadata.FrameRate, frames a second',
  `frame_width` bigint COMMENT 'VideoMetadata.FrameWidth, pixels',
  `frame_height` bigint COMMENT 'VideoMetadata.FrameHeight, pixels',
  `aggregate_by` array<string> COMMENT 'what was exported: TIMESTAMPS, SEGMENTS or both, in this order',
  `label_count` int COMMENT 'number of labels, and so of partitions, null if the job failed',
  `detection_count` bigint COMMENT 'number of detections, null without TIMESTAMPS',
  `row_count` bigint COMMENT 'number of rows in label_detections, null without TIMESTAMPS',
  `segment_count` bigint COMMENT 'number of rows in label_segments, null without SEGMENTS',
  `labels` array<struct<label:string,detections:bigint,instances:bigint,segments:bigint,first_timestamp_ms:bigint,last_timestamp_ms:bigint,max_confidence:float>> COMMENT 'what is in the job by label, null if the job failed',
  `content` string COMMENT 'digest of the row and the files, different exactly if the job changed, null in files of schema version 1'
)
COMMENT 'one row for each job that is complete in the lake, or that failed'
STORED AS PARQUET
LOCATION 's3://BUCKET/jobs/'
TBLPROPERTIES ('classification' = 'parquet');
