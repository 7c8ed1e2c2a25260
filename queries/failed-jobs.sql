-- The jobs that failed at Rekognition, with the reason.
--
-- No parameters. Jobs that the function could not export are not in the lake: they are in the dead-letter queue.
SELECT j.job_id,
       from_unixtime(j.completed_at_ms / 1e3) AS completed_at,
       j.video_bucket,
       j.video_key,
       j.job_tag,
       j.status_message
FROM jobs j
WHERE j.status = 'FAILED'
ORDER BY j.completed_at_ms DESC NULLS LAST, j.job_id
