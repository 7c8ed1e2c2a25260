-- The jobs of a video, newest first. The other queries take a job ID from this result.
--
-- Parameters: 1. bucket, 2. key of the video; both in single quotes.
--
-- A video that was analyzed twice has two jobs, whose labels may differ with the version of the model. A job that is not
-- listed is not complete. A job has no video if neither Rekognition nor the completion message named one.
SELECT j.job_id,
       j.status,
       from_unixtime(j.completed_at_ms / 1e3) AS completed_at,
       j.label_model_version,
       j.aggregate_by,
       j.label_count,
       j.detection_count,
       j.segment_count
FROM jobs j
WHERE j.video_bucket = ?
  AND j.video_key = ?
ORDER BY j.completed_at_ms DESC NULLS LAST, j.job_id
