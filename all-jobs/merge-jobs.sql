-- Commits a batch of jobs: replaces their rows in all_jobs. Runs last.
--
-- A job whose content is no longer what pending.sql has seen was overwritten or deleted in the meantime. Its row is deleted
-- and not inserted, so the job is pending again. Jobs of old versions have no content: counts and time stand for it. The
-- paths keep Athena and Trino from opening the files of other jobs.
MERGE INTO all_jobs t
USING (
    SELECT CAST(NULL AS varchar) AS gone_id,
           j.job_id, j.status, j.status_message, j.job_tag, j.video_bucket, j.video_key, j.video_version,
           j.completed_at_ms, j.label_model_version, j.codec, j.format, j.color_range, j.video_duration_ms,
           j.frame_rate, j.frame_width, j.frame_height, j.aggregate_by, j.label_count, j.detection_count,
           j.row_count, j.segment_count, j.labels, j.content
    FROM jobs j
    JOIN (VALUES {jobs}) AS batch (job_id, completed_at_ms, content)
      ON batch.job_id = j.job_id
     AND batch.content = coalesce(
         j.content,
         array_join(
             ARRAY[j.completed_at_ms, j.label_count, j.detection_count, j.row_count, j.segment_count], '/', '-'
         )
     )
    WHERE j."$path" IN ({paths})
    UNION ALL
    SELECT job_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
    FROM (VALUES {jobs}) AS batch (job_id, completed_at_ms, content)
) s
ON t.job_id = s.gone_id
WHEN MATCHED THEN DELETE
WHEN NOT MATCHED AND s.gone_id IS NULL THEN
    INSERT (
        job_id, status, status_message, job_tag, video_bucket, video_key, video_version, completed_at_ms,
        label_model_version, codec, format, color_range, video_duration_ms, frame_rate, frame_width, frame_height,
        aggregate_by, label_count, detection_count, row_count, segment_count, labels, content
    )
    VALUES (
        s.job_id, s.status, s.status_message, s.job_tag, s.video_bucket, s.video_key, s.video_version,
        s.completed_at_ms, s.label_model_version, s.codec, s.format, s.color_range, s.video_duration_ms,
        s.frame_rate, s.frame_width, s.frame_height, s.aggregate_by, s.label_count, s.detection_count, s.row_count,
        s.segment_count, s.labels, s.content
    )
