-- The reasons for which jobs failed at Rekognition, most frequent first.
--
-- No parameters. Jobs that the function could not export are not in the lake: they are in the dead-letter queue. The
-- saved query failed-jobs lists the jobs.
SELECT j.status_message,
       count(*) AS jobs,
       min(from_unixtime(j.completed_at_ms / 1e3)) AS first_at,
       max(from_unixtime(j.completed_at_ms / 1e3)) AS last_at,
       min(j.job_id) AS example_job_id
FROM all_jobs j
WHERE j.status = 'FAILED'
GROUP BY j.status_message
ORDER BY jobs DESC, j.status_message
