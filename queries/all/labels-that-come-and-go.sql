-- The labels that are not seen in every month: since when, until when, and in how many months.
--
-- No parameters. first_month is when the label came, and last_month when it went. months is in how many months it was
-- seen, of months_with_jobs in which any job was completed. The newest labels come first.
--
-- Jobs that were exported with SEGMENTS only are left out, as are jobs whose completion message had no time. Another
-- version of the model may have other labels: the saved query jobs-of-a-video shows the version.
WITH counted AS (
    SELECT date_format(from_unixtime(j.completed_at_ms / 1e3), '%Y-%m') AS month, j.labels
    FROM all_jobs j
    WHERE j.completed_at_ms IS NOT NULL
      AND j.detection_count IS NOT NULL
),
lake AS (
    SELECT count(DISTINCT month) AS months
    FROM counted
),
seen AS (
    SELECT l.label,
           min(j.month) AS first_month,
           max(j.month) AS last_month,
           count(DISTINCT j.month) AS months,
           count(*) AS jobs,
           sum(l.detections) AS detections
    FROM counted j
    CROSS JOIN UNNEST(j.labels) AS l
    WHERE l.detections > 0
    GROUP BY l.label
)
SELECT seen.label,
       seen.first_month,
       seen.last_month,
       seen.months,
       lake.months AS months_with_jobs,
       seen.jobs,
       seen.detections
FROM seen
CROSS JOIN lake
WHERE seen.months < lake.months
ORDER BY seen.first_month DESC, seen.jobs DESC, seen.label
LIMIT 1000
