-- The labels of each month: in how many jobs, and how often.
--
-- Parameters: 1. from, 2. until (exclusive), each a date or a time in UTC, in single quotes: '2025-01-01', '2026-01-01'
-- is the year 2025.
--
-- A month is that in which the job was completed. share is the part of the jobs of the month that have the label. A
-- video that was analyzed twice counts twice. Jobs that were exported with SEGMENTS only have no detections and are
-- left out, as are jobs whose completion message had no time.
WITH counted AS (
    SELECT j.job_id, date_format(from_unixtime(j.completed_at_ms / 1e3), '%Y-%m') AS month, j.labels
    FROM all_jobs j
    WHERE j.completed_at_ms >= date_diff('millisecond', TIMESTAMP '1970-01-01 00:00:00', CAST(? AS timestamp))
      AND j.completed_at_ms < date_diff('millisecond', TIMESTAMP '1970-01-01 00:00:00', CAST(? AS timestamp))
      AND j.detection_count IS NOT NULL
),
months AS (
    SELECT month, count(*) AS jobs
    FROM counted
    GROUP BY month
)
SELECT j.month,
       l.label,
       count(*) AS jobs,
       round(CAST(count(*) AS double) / max(months.jobs), 4) AS share,
       sum(l.detections) AS detections,
       sum(l.instances) AS instances
FROM counted j
JOIN months ON months.month = j.month
CROSS JOIN UNNEST(j.labels) AS l
WHERE l.detections > 0
GROUP BY j.month, l.label
ORDER BY j.month, jobs DESC, detections DESC, l.label
