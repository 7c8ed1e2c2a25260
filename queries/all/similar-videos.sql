-- The videos whose labels are most similar to those of a video.
--
-- Parameter: 1. job ID, in single quotes. The saved query jobs-of-a-video finds it.
--
-- Reads only the table all_jobs, which has the counts of each label. similarity is the cosine of the two label
-- profiles: 1 if both have the same labels in the same proportions, 0 if they share none. The weight of a label is the
-- logarithm of its detections, so that a label that is always there does not outweigh all others. Labels without a name
-- are left out, and so are jobs that were exported with SEGMENTS only.
WITH profiles AS (
    SELECT j.job_id, j.video_bucket, j.video_key, l.label, ln(1e0 + l.detections) AS weight
    FROM all_jobs j
    CROSS JOIN UNNEST(j.labels) AS l
    WHERE l.detections > 0
      AND l.label IS NOT NULL
),
lengths AS (
    SELECT job_id, sqrt(sum(weight * weight)) AS length
    FROM profiles
    GROUP BY job_id
)
SELECT other.job_id,
       other.video_bucket,
       other.video_key,
       round(sum(one.weight * other.weight) / max(one_length.length * other_length.length), 4) AS similarity,
       count(*) AS common_labels
FROM profiles one
JOIN profiles other ON other.label = one.label AND other.job_id <> one.job_id
JOIN lengths one_length ON one_length.job_id = one.job_id
JOIN lengths other_length ON other_length.job_id = other.job_id
WHERE one.job_id = ?
GROUP BY other.job_id, other.video_bucket, other.video_key
ORDER BY similarity DESC, other.job_id
LIMIT 20
