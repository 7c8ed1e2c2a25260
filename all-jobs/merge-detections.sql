-- Replaces the rows of a batch of jobs in all_detections: deletes them all, and inserts those of the jobs that are in the lake.
--
-- A single commit, which may be repeated. Every row deleted is matched by "gone", and a row that is inserted never matches.
MERGE INTO all_detections t
USING (
    SELECT d.job_id, false AS gone,
           CASE WHEN d.label_name NOT IN ('', '__HIVE_DEFAULT_PARTITION__') THEN d.label_name END AS label,
           CAST(batch.completed_at_ms AS bigint) AS completed_at_ms,
           d.timestamp_ms, d.confidence, d.instance_count, d.instance_index, d.instance_confidence, d.bbox_left,
           d.bbox_top, d.bbox_width, d.bbox_height, d.parents, d.aliases, d.categories, d.dominant_colors,
           d.label_name
    FROM label_detections_by_job d
    JOIN (VALUES {jobs}) AS batch (job_id, completed_at_ms, content) ON batch.job_id = d.job_id
    WHERE d.job_id IN ({put})
    UNION ALL
    SELECT job_id, true, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM (VALUES {jobs}) AS batch (job_id, completed_at_ms, content)
) s
ON t.job_id = s.job_id AND s.gone
WHEN MATCHED THEN DELETE
WHEN NOT MATCHED AND NOT s.gone THEN
    INSERT (
        job_id, label, completed_at_ms, timestamp_ms, confidence, instance_count, instance_index,
        instance_confidence, bbox_left, bbox_top, bbox_width, bbox_height, parents, aliases, categories,
        dominant_colors, label_name
    )
    VALUES (
        s.job_id, s.label, s.completed_at_ms, s.timestamp_ms, s.confidence, s.instance_count, s.instance_index,
        s.instance_confidence, s.bbox_left, s.bbox_top, s.bbox_width, s.bbox_height, s.parents, s.aliases,
        s.categories, s.dominant_colors, s.label_name
    )
