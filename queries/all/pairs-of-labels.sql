-- The pairs of labels that are visible together, in the same samples, over all videos.
--
-- No parameters. Rekognition also returns the parents of a label as labels, so a dog always appears together with an
-- animal. Such pairs are left out, and so are labels without a name. samples counts the samples with both labels, and
-- jobs the jobs with such a sample.
--
-- Reads all detections, and compares each with the others of its sample. To reduce both, add a condition on
-- completed_at_ms or label_name to the first WHERE.
WITH seen AS (
    SELECT d.job_id, d.timestamp_ms, d.label_name, d.parents
    FROM all_detections d
    WHERE d.instance_index IS NULL OR d.instance_index = 0
),
pairs AS (
    SELECT one.job_id,
           one.label_name AS label,
           other.label_name AS other_label,
           count(DISTINCT one.timestamp_ms) AS samples
    FROM seen one
    JOIN seen other
      ON other.job_id = one.job_id
     AND other.timestamp_ms = one.timestamp_ms
     AND other.label_name > one.label_name
    WHERE NOT coalesce(contains(one.parents, other.label_name), false)
      AND NOT coalesce(contains(other.parents, one.label_name), false)
    GROUP BY one.job_id, one.label_name, other.label_name
)
SELECT label, other_label, count(*) AS jobs, sum(samples) AS samples
FROM pairs
GROUP BY label, other_label
ORDER BY samples DESC, jobs DESC, label, other_label
LIMIT 100
